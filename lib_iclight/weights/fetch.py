"""Fetching a file of the manifest: resumed after every break, checked, and never under its name before it is whole."""

from __future__ import annotations

import contextlib
import email.utils
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..errors import ICLightError
from ..text import shorten
from .connection import describe_distrust, find_address, open_client
from .manifest import ManifestFile, is_whole, may_be_own, part_of, stored_bytes

if TYPE_CHECKING:
    import httpx

_FRUITLESS_ATTEMPTS = 5
"""A fetch gives up after this many attempts in a row that brought no byte."""

_WRONG_FILES = 2
"""A fetch gives up after this many complete files with a wrong sha256; the first may come of a part damaged on disk."""

_LONGEST_WAIT = 300.0
"""Seconds between two attempts, whatever a server asks for."""

_CONTENT_RANGE = re.compile(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)")

_RETRIED = {408, 416, 425, 429}
"""Statuses below 500 after which another attempt may go better; 416 contradicts the manifest's size, as a proxy may."""


class Progress(NamedTuple):
    """How far a fetch has come."""

    received: int
    """Bytes of the file that are stored."""

    total: int
    """The file's bytes."""

    bytes_per_second: float
    """Mean since this fetch began; 0 while nothing has come."""

    seconds_left: float | None
    """At that speed; None while nothing has come."""

    resumed_from: int
    """Bytes that an earlier fetch had stored."""

    def __str__(self) -> str:
        """As in `412 of 1719 MB, 12.0 MB/s, 1:49 left`."""
        text = f"{self.received / 1e6:.0f} of {self.total / 1e6:.0f} MB"
        if self.seconds_left is None:
            return text
        minutes, seconds = divmod(round(self.seconds_left), 60)
        return f"{text}, {self.bytes_per_second / 1e6:.1f} MB/s, {minutes}:{seconds:02} left"


class FetchCancelled(ICLightError):  # noqa: N818
    """The user has cancelled a fetch."""


class _Fruitless(Exception):  # noqa: N818
    """An attempt that brought nothing; another may."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        """:param wait: seconds that the server asks to wait."""
        super().__init__(reason)
        self.wait = wait


def advise_by_hand(file: ManifestFile, folder: Path) -> str:
    """What the user can do without us."""
    return f"download it from {find_address(file)} and put it at {(folder / file.name).absolute()}."


def fetch(
    file: ManifestFile,
    folder: Path,
    on_progress: Callable[[Progress], object] | None = None,
    cancelled: Callable[[], bool] = lambda: False,
    sleep: Callable[[float], object] = time.sleep,
) -> Path:
    """Bring a file into the folder; one that is there and right is left alone, without asking the network.

    A damaged one is replaced, once the right one is whole; any other of its name is somebody's own and stays.

    Until it is whole it lies beside its place as `<name>.part`, and every later fetch goes on from there. Several
    processes may fetch one file: one does, the others wait and find it.

    :param on_progress: called from this thread for each piece that has come.
    :param cancelled: asked between pieces; the part is kept.
    :param sleep: waits a fraction of a second between attempts; may return early.
    :returns: the file.
    :raises ICLightError: the file can't be had, with what to do by hand, or there is another in its place.
    :raises FetchCancelled: `cancelled` said so.
    """
    target = folder / file.name

    def check_cancelled() -> None:
        if cancelled():
            raise FetchCancelled(f"Fetching {file.name} was cancelled: what has come is kept for the next time.")

    try:
        if _is_there(file, folder, check_cancelled):
            return target
        if os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on"):
            raise ICLightError(f"HF_HUB_OFFLINE forbids fetching {file.name}: {advise_by_hand(file, folder)}")
        find_address(file)  # a mirror that is none is refused before anything is made
        folder.mkdir(parents=True, exist_ok=True)
        download = _Download(file, folder, on_progress, check_cancelled, sleep)
        lock_file = folder / f"{file.name}.lock"
        with _hold_lock(lock_file, download.watch_other):
            # another process may have brought it meanwhile, or somebody another file
            if not _is_there(file, folder, check_cancelled):
                download.run()
            # A process that still waits for the lock gets it all the same, and then finds the fetched file. Windows
            # removes the lock by itself.
            with contextlib.suppress(OSError):
                lock_file.unlink()
    except OSError as error:
        reason = error.strerror or str(error)
        raise ICLightError(f"{file.name} can't be written to {folder.absolute()} ({reason}).") from error
    return target


def _is_there(file: ManifestFile, folder: Path, check_cancelled: Callable[[], None]) -> bool:
    """Whether the file lies at its place, whole.

    :raises ICLightError: another lies there, which may be somebody's own.
    """
    target = folder / file.name
    other = may_be_own(file, target)  # asked first: another process may bring the right file at any time
    if is_whole(target, file, check_cancelled):
        return True
    if other:
        raise ICLightError(
            f"{target.absolute()} is not the published {file.name} and is left as it is: move or rename it if it is "
            "yours, or delete it if it is a damaged download, and fetch again."
        )
    return False


@contextlib.contextmanager
def _hold_lock(lock_file: Path, meanwhile: Callable[[], None]) -> Iterator[None]:
    """Hold a lock that the system lets go when the process dies; `meanwhile` is called while another has it."""
    from filelock import FileLock, Timeout

    lock = FileLock(lock_file)
    while True:
        try:
            lock.acquire(timeout=0.2)
            break
        except Timeout:
            meanwhile()
    try:
        yield
    finally:
        lock.release()


class _Download:
    """One file on its way into its part, and from there to its name."""

    def __init__(
        self,
        file: ManifestFile,
        folder: Path,
        on_progress: Callable[[Progress], object] | None,
        check_cancelled: Callable[[], None],
        sleep: Callable[[float], object],
    ) -> None:
        self.file = file
        self.folder = folder
        self.part = part_of(file, folder)
        self.on_progress = on_progress
        self.check_cancelled = check_cancelled
        self.sleep = sleep
        self._start_from_part()

    def watch_other(self) -> None:
        """Show what another process stores."""
        self.check_cancelled()
        self._start_from_part()
        self._report()

    def run(self) -> None:
        self._start_from_part()
        if stored_bytes(self.file, self.folder) > self.file.size:
            os.truncate(self.part, self.file.size)
        self._check_space()
        # a redirect must not lead out of TLS; a mirror on this machine may have none to begin with
        begins_with_tls = find_address(self.file).lower().startswith("https://")
        client = open_client(_refuse_plain_http if begins_with_tls else None)
        with client:
            for _ in range(_WRONG_FILES):
                self._receive_all(client)
                if is_whole(self.part, self.file, self.check_cancelled):
                    self._take_name()
                    return
                self.part.unlink()
                self._start_from_part()
        raise ICLightError(
            f"{self.file.name} came whole {_WRONG_FILES} times and with a wrong sha256, so that it was deleted: "
            f"{self._advice()}"
        )

    def _advice(self) -> str:
        return advise_by_hand(self.file, self.folder)

    def _start_from_part(self) -> None:
        self.held = min(stored_bytes(self.file, self.folder), self.file.size)
        self.resumed_from = self.held
        self._began = time.monotonic()

    def _check_space(self) -> None:
        needed, free = self.file.size - self.held, shutil.disk_usage(self.folder).free
        if needed > free:
            raise ICLightError(
                f"{self.file.name} needs {needed / 1e6:.0f} MB more and {self.folder.absolute()} has "
                f"{free / 1e6:.0f} MB free: make room there."
            )

    def _receive_all(self, client: httpx.Client) -> None:
        """Attempt after attempt, until the part has the file's size."""
        import httpx

        fruitless = 0
        while self.held < self.file.size:
            held, reason, wait = self.held, "the connection was closed too early", None
            try:
                self._receive(client)
            except _Fruitless as error:
                reason, wait = str(error), error.wait
            except (httpx.RequestError, httpx.InvalidURL, UnicodeError, OverflowError) as error:
                # the last two: a redirect to a host, or a port, that can be none
                distrust = describe_distrust(error)
                if distrust:
                    raise ICLightError(f"{self.file.name} can't be fetched ({distrust}): {self._advice()}") from error
                reason = shorten(str(error)) or type(error).__name__
            if self.held == self.file.size:
                return
            fruitless = 0 if self.held > held else fruitless + 1
            if fruitless == _FRUITLESS_ATTEMPTS:
                raise ICLightError(f"{self.file.name} can't be fetched ({reason}): {self._advice()}")
            self._pause(2.0**fruitless if wait is None else wait)

    def _receive(self, client: httpx.Client) -> None:
        """One request, for what is missing; returns when the file is complete or the answer ends."""
        headers = {"Accept-Encoding": "identity"}
        if self.held:
            headers["Range"] = f"bytes={self.held}-"
        self.check_cancelled()
        with client.stream("GET", find_address(self.file), headers=headers) as response:
            skipped = self.held - self._first_byte(response)
            with self.part.open("ab") as stored:
                for chunk in response.iter_raw():
                    kept = chunk[skipped : skipped + self.file.size - self.held]
                    skipped = max(0, skipped - len(chunk))
                    stored.write(kept)
                    # what is reported as stored outlives this process
                    stored.flush()
                    self.held += len(kept)
                    self._report()
                    self.check_cancelled()
                    if self.held == self.file.size:
                        return

    def _first_byte(self, response: httpx.Response) -> int:
        """The offset that an answer starts from, at most what is held.

        :raises _Fruitless: the answer is of no use.
        :raises ICLightError: and no other would be.
        """
        status = response.status_code
        if status in _RETRIED or status >= 500:
            raise _Fruitless(f"the server answered {status}", _retry_after(response.headers.get("Retry-After")))
        if status not in (200, 206):
            raise ICLightError(
                f"{self.file.name} can't be fetched (the server answered {status} {shorten(response.reason_phrase)}): "
                f"{self._advice()}"
            )
        if response.headers.get("Content-Encoding", "identity") != "identity":
            raise _Fruitless("the server sends it compressed, unasked")
        start, length = 0, response.headers.get("Content-Length")
        if status == 206:
            header = response.headers.get("Content-Range", "")
            match = _CONTENT_RANGE.fullmatch(header)
            if match is None or int(match[1]) > self.held:
                raise _Fruitless(
                    f"the server was asked for bytes from {self.held} on and sends {shorten(header) or 'any'}"
                )
            start, length = int(match[1]), match[2]
        if length not in (None, "*", str(self.file.size)):
            raise _Fruitless(f"the server's file has {shorten(length)} bytes instead of {self.file.size}")
        return start

    def _pause(self, seconds: float) -> None:
        left = min(seconds, _LONGEST_WAIT)
        while left > 0:
            self.check_cancelled()
            self.sleep(min(left, 0.25))
            left -= 0.25

    def _report(self) -> None:
        if self.on_progress is None:
            return
        speed = (self.held - self.resumed_from) / max(time.monotonic() - self._began, 1e-3)
        left = (self.file.size - self.held) / speed if speed else None
        self.on_progress(Progress(self.held, self.file.size, speed, left, self.resumed_from))

    def _take_name(self) -> None:
        with self.part.open("rb+") as stored:
            os.fsync(stored.fileno())
        # minutes have passed since this was asked before
        if _is_there(self.file, self.folder, self.check_cancelled):
            self.part.unlink()
            return
        self.part.replace(self.folder / self.file.name)
        # Windows has no such thing, and needs none
        with contextlib.suppress(OSError):
            descriptor = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _refuse_plain_http(request: httpx.Request) -> None:
    if request.url.scheme != "https":
        to = shorten(f"{request.url.scheme}://{request.url.host}")
        raise _Fruitless(f"the server redirects to {to}, which is not https")


def _retry_after(value: str | None) -> float | None:
    """Seconds that a `Retry-After` asks for (RFC 9110, 10.2.3): a number or a date."""
    if value is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", value):
        return float(value)
    try:
        date = email.utils.parsedate_to_datetime(value)
    except ValueError:
        return None
    if date.tzinfo is None:
        date = date.replace(tzinfo=timezone.utc)
    return max(0.0, (date - datetime.now(timezone.utc)).total_seconds())

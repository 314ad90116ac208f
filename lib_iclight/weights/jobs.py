"""Fetches in the background: the panel and the API look at the same ones."""

from __future__ import annotations

import contextlib
import threading
import traceback
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path

from ..errors import ICLightError, ICLightFault
from .fetch import FetchCancelled, Progress, fetch
from .manifest import ManifestFile, stored_bytes


class JobState(str, Enum):
    """How a fetch stands."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class FetchJob:
    """One fetch in a thread of its own, which dies with the process: the next fetch goes on from its part."""

    def __init__(self, file: ManifestFile, folder: Path) -> None:
        """:param folder: where the file goes."""
        held = min(stored_bytes(file, folder), file.size)
        self.file = file
        self.folder = folder
        self.state = JobState.RUNNING
        self.progress = Progress(held, file.size, 0.0, None, held)
        self.sentence = ""
        """What has become of it, once it is no longer running."""
        self._cancelled = threading.Event()
        self._finished = threading.Event()
        threading.Thread(target=self._run, name=f"fetch {file.name}", daemon=True).start()

    def cancel(self) -> None:
        """Stop it as soon as it can; what has come is kept."""
        self._cancelled.set()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait for its end, or not longer than that; returns whether it has ended."""
        return self._finished.wait(seconds)

    def _run(self) -> None:
        try:
            with console_bar(self.file) as show:
                path = fetch(self.file, self.folder, self._on_progress(show), self._cancelled.is_set)
            state, sentence = JobState.DONE, f"{self.file.name} is in {path.parent.absolute()}."
        except FetchCancelled as error:
            state, sentence = JobState.CANCELLED, str(error)
        except ICLightError as error:
            state, sentence = JobState.FAILED, str(error)
        except Exception as error:  # a thread has nobody to raise to
            traceback.print_exc()
            state, sentence = JobState.FAILED, str(ICLightFault.from_exception(error))
        self.sentence = sentence
        self.state = state
        self._finished.set()

    def _on_progress(self, show: Callable[[Progress], None]) -> Callable[[Progress], None]:
        def note(progress: Progress) -> None:
            self.progress = progress
            show(progress)

        return note


_jobs: dict[str, FetchJob] = {}
"""Key: the file's name. Bound: one for each of the manifest's files. Emptied by: the process's end, and a job that
has ended is replaced when its file is fetched again."""

_lock = threading.Lock()


def start_fetch(file: ManifestFile, folder: Path) -> FetchJob:
    """Fetch a file, or join the fetch of it that is running."""
    with _lock:
        running = _jobs.get(file.name)
        if running is None or running.state is not JobState.RUNNING:
            _jobs[file.name] = running = FetchJob(file, folder)
        return running


def last_fetch(name: str) -> FetchJob | None:
    """The last fetch of a file; None if there was none."""
    return _jobs.get(name)


def running_fetches() -> list[FetchJob]:
    """The fetches that have not ended."""
    return [fetch for fetch in list(_jobs.values()) if fetch.state is JobState.RUNNING]


@contextlib.contextmanager
def console_bar(file: ManifestFile) -> Iterator[Callable[[Progress], None]]:
    """Show a progress bar on stderr, from the first byte on; gives the function that moves it."""
    from tqdm import tqdm

    with contextlib.ExitStack() as stack:
        bars: list[tqdm] = []

        def show(progress: Progress) -> None:
            if not bars:
                how = {"unit": "B", "unit_scale": True, "unit_divisor": 1000, "desc": file.name}
                bars.append(stack.enter_context(tqdm(total=progress.total, initial=progress.resumed_from, **how)))
            bars[0].update(progress.received - bars[0].n)

        yield show

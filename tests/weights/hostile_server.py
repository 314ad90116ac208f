"""A real HTTP server on this machine that keeps none of HTTP's promises, in the order that it is told."""

from __future__ import annotations

import http.server
import re
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

JUNK = b"<html>Please log in</html>" * 40


@dataclass
class Fault:
    """How one request is answered."""

    kind: str
    """A status, or one of the names in `_Handler`."""

    at: float = 0.5
    """Where in the bytes to be sent it happens, from 0 to 1."""

    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Seen:
    """One request and its answer."""

    name: str
    start: int
    sent: int = 0
    """Bytes that it set out to send: counted before, as who receives the last of them may look at once."""


class HostileServer:
    """Honest for every file whose plan is used up."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.files: dict[str, bytes] = {}
        self.plans: dict[str, list[Fault]] = {}
        self.requests: list[Seen] = []
        self.on_request: Callable[[Seen], None] = lambda seen: None
        self.released = threading.Event()

    def starts(self, name: str) -> list[int]:
        """The offsets that were asked for."""
        return [seen.start for seen in self.requests if seen.name == name]

    def sent(self, name: str) -> int:
        """Bytes of the file's answers."""
        return sum(seen.sent for seen in self.requests if seen.name == name)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    hostile: HostileServer

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        self.seen = Seen(name, int(asked[1]) if asked else 0)
        self.whole = self.hostile.files.get(name, b"")
        self.ranged = asked is not None
        self.hostile.on_request(self.seen)
        self.hostile.requests.append(self.seen)
        plan = self.hostile.plans.get(name)
        fault = plan.pop(0) if plan else Fault("honest" if name in self.hostile.files else "404")
        self.fault = fault
        rest = self.whole[self.seen.start :]
        if fault.kind.isdigit():
            self._answer(int(fault.kind), JUNK, {})
        else:
            getattr(self, "_" + fault.kind)(rest, int(fault.at * len(rest)))

    def _answer(self, status: int, body: bytes, headers: dict[str, str], length: int | None = None) -> None:
        """:param length: what is said, if not the truth: the connection is then closed."""
        self.send_response(status)
        said = {"Content-Length": str(len(body) if length is None else length), **headers, **self.fault.headers}
        for header, value in said.items():
            if value:
                self.send_header(header, value)
        self.end_headers()
        self.close_connection = length is not None
        self._send(body)

    def _send(self, body: bytes) -> None:
        self.seen.sent += len(body)
        try:
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def _range(
        self, body: bytes, start: int | None = None, total: int | None = None, length: int | None = None
    ) -> None:
        """200 from the start, 206 from elsewhere, with an honest `Content-Range` if nothing else is said."""
        total = len(self.whole) if total is None else total
        if not self.ranged:
            self._answer(200, body, {}, total if length is None and total != len(body) else length)
            return
        start = self.seen.start if start is None else start
        self._answer(206, body, {"Content-Range": f"bytes {start}-{total - 1}/{total}"}, length)

    def _honest(self, rest: bytes, at: int) -> None:
        self._range(rest)

    def _drop(self, rest: bytes, at: int) -> None:
        self._range(rest[:at], length=len(rest))

    def _reset(self, rest: bytes, at: int) -> None:
        self._range(rest[:at], length=len(rest))
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _hang_up(self, rest: bytes, at: int) -> None:
        self.close_connection = True

    def _hold(self, rest: bytes, at: int) -> None:
        self._range(rest[:at], length=len(rest))
        self.hostile.released.wait()
        self._send(rest[at:])

    def _garbage(self, rest: bytes, at: int) -> None:
        self.close_connection = True
        self._send(JUNK)

    def _longer(self, rest: bytes, at: int) -> None:
        self._range(rest + JUNK, total=len(self.whole) + len(JUNK))

    def _shorter(self, rest: bytes, at: int) -> None:
        self._range(rest[:at], total=self.seen.start + at)

    def _longer_body(self, rest: bytes, at: int) -> None:
        self._range(rest + JUNK, length=len(rest) + len(JUNK))

    def _shorter_body(self, rest: bytes, at: int) -> None:
        self._range(rest[:at], length=at)

    def _chunked_junk(self, rest: bytes, at: int) -> None:
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (rest[:at], rest[at:], JUNK) if part)
        self.fault = Fault("", headers={"Content-Length": "", "Transfer-Encoding": "chunked"})
        self._range(body + b"0\r\n\r\n")

    def _wrong(self, rest: bytes, at: int) -> None:
        self._range(rest[:at] + bytes(byte ^ 1 for byte in rest[at : at + 1]) + rest[at + 1 :])

    def _ignore_range(self, rest: bytes, at: int) -> None:
        self.ranged = False
        self._range(self.whole)

    def _drop_ignoring_range(self, rest: bytes, at: int) -> None:
        self.ranged = False
        self._range(self.whole[:at], length=len(self.whole))

    def _later_range(self, rest: bytes, at: int) -> None:
        self.ranged = True
        self._range(rest[at + 1 :], start=self.seen.start + at + 1)

    def _earlier_range(self, rest: bytes, at: int) -> None:
        start = self.seen.start // 2
        self._range(self.whole[start:], start=start)

    def _no_range(self, rest: bytes, at: int) -> None:
        self._answer(206, rest, {})

    def _compressed(self, rest: bytes, at: int) -> None:
        self.fault = Fault("", headers={"Content-Encoding": "gzip"})
        self._range(rest)

    def _redirect(self, rest: bytes, at: int) -> None:
        self.seen.name = ""  # the request that follows is the file's
        self._answer(302, b"", {"Location": f"/elsewhere/{self.path.rpartition('/')[2]}"})


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        """Clients that are killed leave broken connections."""


@contextmanager
def hostile_server(tls: ssl.SSLContext | None = None) -> Iterator[HostileServer]:
    """:param tls: a context with a certificate for 127.0.0.1; without one the server speaks plain HTTP."""

    class Handler(_Handler):
        """This server's own: its class tells what it serves."""

    with _Server(("127.0.0.1", 0), Handler) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        Handler.hostile = HostileServer(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield Handler.hostile
        finally:
            Handler.hostile.released.set()
            server.shutdown()
            thread.join()

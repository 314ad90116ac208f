"""What the fetching tests share: a hostile server in Hugging Face's place, and files for it."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterator

import pytest

from lib_iclight.weights.kind import Kind
from lib_iclight.weights.manifest import ManifestFile

from .hostile_server import Fault, HostileServer, hostile_server


class Naps:
    """Waits that are written down instead of waited."""

    def __init__(self) -> None:
        self.total = 0.0

    def __call__(self, seconds: float) -> None:
        assert 0 < seconds <= 0.25, "a longer nap can't be interrupted"
        self.total += seconds


def manifest_file(name: str, data: bytes) -> ManifestFile:
    """The manifest's entry for a file of Hugging Face with that content."""
    return ManifestFile(
        name=name,
        kind=Kind.FOREGROUND if name.endswith(".safetensors") else None,
        purpose="a test",
        url=f"https://huggingface.co/someone/model/resolve/1/{name}",
        size=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        sha256_sources=1,
        licence="MIT",
        author="nobody",
    )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[HostileServer]:
    """A server that is asked instead of Hugging Face."""
    with hostile_server() as hostile:
        monkeypatch.setenv("HF_ENDPOINT", hostile.address)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        yield hostile


@pytest.fixture
def serve(server: HostileServer) -> Callable[..., tuple[ManifestFile, bytes]]:
    """Puts random bytes on the server, to be answered by these faults first."""

    def put(*faults: Fault | str, name: str = "model.onnx", size: int = 300_000) -> tuple[ManifestFile, bytes]:
        data = random.Random(size).randbytes(size)
        server.files[name] = data
        server.plans[name] = [fault if isinstance(fault, Fault) else Fault(fault) for fault in faults]
        return manifest_file(name, data), data

    return put

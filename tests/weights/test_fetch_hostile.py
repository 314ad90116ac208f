"""What must hold whatever the server does, and whenever the process is killed."""

from __future__ import annotations

import random
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lib_iclight.errors import ICLightError
from lib_iclight.weights.fetch import fetch
from lib_iclight.weights.manifest import ManifestFile

from .conftest import manifest_file
from .fetching_process import start_process
from .hostile_server import Fault, HostileServer, Seen

KINDS = [
    *["drop"] * 8,
    *["reset"] * 4,
    *["hang_up", "garbage", "longer", "shorter", "longer_body", "shorter_body", "chunked_junk"],
    *["ignore_range", "drop_ignoring_range", "later_range", "earlier_range", "no_range", "compressed", "redirect"],
    *["wrong", "wrong", "403", "404", "416", "429", "500", "503"],
]

needs_fork = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL and no fork server")


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.long)])
def test_many_fetches_from_a_hostile_server(
    tmp_path: Path, server: HostileServer, figure: Callable[[str, float], float], count: int
) -> None:
    dice = random.Random(20240612)
    data = dice.randbytes(200_000)
    violations: list[str] = []

    def watch(seen: Seen) -> None:
        part = tmp_path / f"{seen.name}.part"
        stored = part.stat().st_size if part.exists() else 0
        if seen.start != stored:
            violations.append(f"{seen.name}: asked for {seen.start} with {stored} stored")
        if (tmp_path / seen.name).exists():
            violations.append(f"{seen.name} is there while it is being fetched")

    server.on_request = watch
    refusals = whole = 0
    for number in range(count):
        name = f"{number}.onnx"
        content = data[: dice.randint(1_000, 200_000)]
        file = manifest_file(name, content)
        server.files[name] = content
        server.plans[name] = [Fault(dice.choice(KINDS), dice.random()) for _ in range(dice.randint(0, 5))]
        while True:
            try:
                assert fetch(file, tmp_path, sleep=lambda _: None) == tmp_path / name
                break
            except ICLightError:
                refusals += 1
                assert not (tmp_path / name).exists()
        whole += (tmp_path / name).read_bytes() == content
        assert not (tmp_path / f"{name}.part").exists()

    assert violations == []
    resumed = sum(seen.sent for seen in server.requests if seen.start)
    saved = sum(seen.start for seen in server.requests)
    assert figure("files fetched whole", whole) == count
    figure("fetches refused with a sentence", refusals)
    figure("requests", len(server.requests))
    figure("requests that resumed", sum(1 for seen in server.requests if seen.start))
    figure("bytes sent from an offset above 0", resumed)
    figure("bytes that were not asked for again", saved)
    assert resumed > 1_000 * count
    assert saved > 1_000 * count


@needs_fork
def test_killed_at_twenty_points(
    tmp_path: Path, serve: Callable[..., tuple[ManifestFile, bytes]], server: HostileServer, figure: Callable
) -> None:
    file, data = serve(size=2_000_000)
    dice = random.Random(7)
    points = dice.sample(range(1, len(data) - 100), 19)
    # so few bytes that they would still lie in a buffer
    points = sorted([*points, points[0] + 100])
    stored = [0]
    for point in points:
        # the server sends up to there and then keeps the connection open
        rest = len(data) - stored[-1]
        server.plans[file.name] = [Fault("hold", (point - stored[-1]) / rest + 1e-9)]
        process, hearer = start_process(file, tmp_path, server.address)
        while hearer.recv() < point:
            pass
        process.kill()
        process.join()
        assert process.exitcode == -9
        assert not (tmp_path / file.name).exists()
        stored.append((tmp_path / f"{file.name}.part").stat().st_size)
    assert stored[1:] == points

    process, _ = start_process(file, tmp_path, server.address)
    process.join()
    assert process.exitcode == 0
    assert (tmp_path / file.name).read_bytes() == data
    assert server.starts(file.name) == stored
    figure("kills", len(points))
    figure("requests from zero after the first bytes were stored", server.starts(file.name)[1:].count(0))


@needs_fork
def test_two_processes_share_one_download(
    tmp_path: Path, serve: Callable[..., tuple[ManifestFile, bytes]], server: HostileServer, figure: Callable
) -> None:
    file, data = serve(Fault("hold", 0.5))
    first, hears_first = start_process(file, tmp_path, server.address)
    while hears_first.recv() < len(data) // 2:
        pass
    second, hears_second = start_process(file, tmp_path, server.address)
    assert hears_second.recv() == len(data) // 2, "it shows what the other has stored"
    server.released.set()
    first.join()
    second.join()
    assert (first.exitcode, second.exitcode) == (0, 0)
    assert (tmp_path / file.name).read_bytes() == data
    assert server.starts(file.name) == [0]
    figure("bytes sent for each byte of the file", server.sent(file.name) / len(data))
    assert server.sent(file.name) == len(data)


@needs_fork
def test_a_killed_process_leaves_no_lock(
    tmp_path: Path, serve: Callable[..., tuple[ManifestFile, bytes]], server: HostileServer
) -> None:
    file, data = serve(Fault("hold", 0.5))
    process, hearer = start_process(file, tmp_path, server.address)
    hearer.recv()
    process.kill()
    process.join()
    assert fetch(file, tmp_path).read_bytes() == data

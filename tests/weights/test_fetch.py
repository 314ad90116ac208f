"""One promise of a fetch at a time."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from filelock import FileLock

from lib_iclight.errors import ICLightError
from lib_iclight.weights import is_broken
from lib_iclight.weights.fetch import FetchCancelled, Progress, fetch
from lib_iclight.weights.manifest import ManifestFile

from .conftest import Naps
from .hostile_server import Fault, HostileServer

Serve = Callable[..., tuple[ManifestFile, bytes]]


def part(folder: Path) -> Path:
    return folder / "model.onnx.part"


def test_a_file_that_is_right_is_not_asked_for(tmp_path: Path, server: HostileServer, serve: Serve) -> None:
    file, data = serve()
    (tmp_path / file.name).write_bytes(data)
    assert fetch(file, tmp_path).read_bytes() == data
    assert server.requests == []
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_damaged_file_stays_until_the_right_one_is_whole(tmp_path: Path, serve: Serve) -> None:
    file, data = serve("404")
    damaged = data[:-1] + b"?"
    (tmp_path / file.name).write_bytes(damaged)
    with pytest.raises(ICLightError, match="404"):
        fetch(file, tmp_path)
    assert (tmp_path / file.name).read_bytes() == damaged
    assert fetch(file, tmp_path).read_bytes() == data


@pytest.mark.parametrize("names", ["diffusers", "ldm"])
def test_somebodys_own_file_is_not_replaced(
    tmp_path: Path, server: HostileServer, serve: Serve, write_offsets: Callable[..., Path], names: str
) -> None:
    """A copy that was converted, or trained further, is not the published file, and opens."""
    file, _ = serve(name="fc.safetensors")
    own = write_offsets(file.name, names=names)
    kept = own.read_bytes()
    for size in (file.size, len(kept)):
        with pytest.raises(ICLightError) as refusal:
            fetch(replace(file, size=size), tmp_path)
        assert str(refusal.value).startswith(f"{own} is not the published fc.safetensors and is left as it is: move or")
    assert own.read_bytes() == kept and [path.name for path in tmp_path.iterdir()] == [file.name]
    assert server.requests == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on open files to reach")
def test_a_file_that_can_not_be_opened_right_now_is_not_replaced(
    tmp_path: Path, server: HostileServer, serve: Serve, write_offsets: Callable[..., Path]
) -> None:
    """The process has as many files open as it may: for a moment nobody can tell what is in this one."""
    import resource

    file, _ = serve(name="fc.safetensors")
    own = write_offsets(file.name)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, limits[1]))
    try:
        with pytest.raises(ICLightError, match=r"is not the published fc\.safetensors"):
            fetch(file, tmp_path)
        with pytest.raises(ICLightError, match=r"fc\.safetensors can't be read right now"):
            is_broken(own)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert not is_broken(own) and server.requests == []


def test_a_file_that_comes_while_another_process_fetches_is_not_replaced(
    tmp_path: Path, server: HostileServer, serve: Serve, write_offsets: Callable[..., Path]
) -> None:
    file, _ = serve(name="fc.safetensors")
    lock = FileLock(tmp_path / f"{file.name}.lock")
    lock.acquire()

    def bring(_: Progress) -> None:
        write_offsets(file.name)
        lock.release()

    with pytest.raises(ICLightError, match=r"is not the published fc\.safetensors"):
        fetch(file, tmp_path, bring)
    assert server.requests == []


def test_a_file_that_comes_during_the_fetch_is_not_replaced(
    tmp_path: Path, server: HostileServer, serve: Serve, write_offsets: Callable[..., Path]
) -> None:
    file, data = serve(name="fc.safetensors")
    with pytest.raises(ICLightError, match=r"is not the published fc\.safetensors"):
        fetch(file, tmp_path, lambda _: write_offsets(file.name))
    own = tmp_path / file.name
    assert not is_broken(own) and own.with_name(f"{file.name}.part").read_bytes() == data
    own.rename(tmp_path / "mine.safetensors")
    asked = len(server.requests)
    assert fetch(file, tmp_path).read_bytes() == data and len(server.requests) == asked


def test_the_right_file_that_is_put_there_during_the_fetch_is_it(tmp_path: Path, serve: Serve) -> None:
    file, data = serve()
    assert fetch(file, tmp_path, lambda _: (tmp_path / file.name).write_bytes(data)).read_bytes() == data
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize("cut", [0, 1, 100, -1])
def test_a_model_that_was_cut_short_is_replaced(
    tmp_path: Path, serve: Serve, write_offsets: Callable[..., Path], cut: int
) -> None:
    file, data = serve(name="fc.safetensors")
    own = write_offsets(file.name)
    own.write_bytes(own.read_bytes()[:cut])
    assert fetch(file, tmp_path).read_bytes() == data


def test_a_matting_model_of_another_size_is_not_replaced(tmp_path: Path, server: HostileServer, serve: Serve) -> None:
    """What is in an ONNX file is not known without running it: it may be somebody's own."""
    file, data = serve()
    (tmp_path / file.name).write_bytes(data[:-1])
    with pytest.raises(ICLightError, match=r"is not the published model\.onnx"):
        fetch(file, tmp_path)
    assert (tmp_path / file.name).read_bytes() == data[:-1] and server.requests == []


def test_goes_on_where_it_was_dropped(tmp_path: Path, server: HostileServer, serve: Serve) -> None:
    file, data = serve(Fault("drop", 0.25), Fault("reset", 0.5), Fault("earlier_range"), size=80_000)
    assert fetch(file, tmp_path / "new" / "folder", sleep=Naps()).read_bytes() == data
    assert server.starts(file.name)[:2] == [0, 20_000]
    assert 0 not in server.starts(file.name)[1:]
    assert [path.name for path in (tmp_path / "new" / "folder").iterdir()] == [file.name]


def test_what_an_earlier_fetch_stored_is_not_asked_for_again(
    tmp_path: Path, server: HostileServer, serve: Serve
) -> None:
    file, data = serve()
    part(tmp_path).write_bytes(data[:100_000])
    seen: list[Progress] = []
    fetch(file, tmp_path, seen.append)
    assert server.starts(file.name) == [100_000]
    assert server.sent(file.name) == 200_000
    assert {progress.resumed_from for progress in seen} == {100_000}
    assert [progress.received for progress in seen] == sorted(progress.received for progress in seen)
    assert seen[-1].received == seen[-1].total == len(data)
    assert seen[-1].seconds_left == 0


def test_a_server_without_ranges_sends_all_and_the_stored_bytes_are_skipped(
    tmp_path: Path, server: HostileServer, serve: Serve
) -> None:
    file, data = serve("ignore_range")
    part(tmp_path).write_bytes(b"x" + data[1:100_000])
    with pytest.raises(FetchCancelled):
        fetch(file, tmp_path, cancelled=lambda: part(tmp_path).stat().st_size > 250_000)
    stored = part(tmp_path).read_bytes()
    assert stored == b"x" + data[1 : len(stored)]
    assert server.starts(file.name) == [100_000]


@pytest.mark.parametrize("status", ["400", "401", "403", "404", "410"])
def test_a_refusal_is_final_and_says_what_to_do(
    tmp_path: Path, server: HostileServer, serve: Serve, status: str
) -> None:
    file, data = serve(status)
    part(tmp_path).write_bytes(data[:7])
    with pytest.raises(ICLightError) as refusal:
        fetch(file, tmp_path, sleep=lambda _: pytest.fail("it tries again"))
    for said in (status, f"{server.address}/someone/model/resolve/1/model.onnx", str(tmp_path / "model.onnx")):
        assert said in str(refusal.value)
    assert len(server.requests) == 1
    assert part(tmp_path).read_bytes() == data[:7]


@pytest.mark.parametrize("location", ["http://a..b/model.onnx", "http://127.0.0.1:99999/model.onnx", "http://[/"])
def test_a_redirect_to_no_address_is_an_attempt_that_brought_nothing(
    tmp_path: Path, server: HostileServer, serve: Serve, location: str
) -> None:
    file, data = serve(Fault("302", headers={"Location": location}))
    assert fetch(file, tmp_path, sleep=Naps()).read_bytes() == data


@pytest.mark.parametrize(
    "kind", ["408", "500", "503", "hang_up", "garbage", "longer", "no_range", "later_range", "compressed"]
)
def test_gives_up_after_five_attempts_that_bring_nothing(
    tmp_path: Path, server: HostileServer, serve: Serve, kind: str
) -> None:
    file, data = serve(*[kind] * 9)
    part(tmp_path).write_bytes(data[:7])
    naps = Naps()
    with pytest.raises(ICLightError, match=r"model\.onnx can't be fetched \(.+\): download it from http"):
        fetch(file, tmp_path, sleep=naps)
    assert len(server.requests) == 5
    assert naps.total == 2 + 4 + 8 + 16
    assert part(tmp_path).read_bytes() == data[:7]


def test_attempts_that_bring_something_are_not_counted(tmp_path: Path, server: HostileServer, serve: Serve) -> None:
    file, data = serve(*[fault for _ in range(12) for fault in (Fault("500"), Fault("drop", 0.1))])
    assert fetch(file, tmp_path, sleep=Naps()).read_bytes() == data
    assert len(server.requests) == 25


@pytest.mark.parametrize(
    ("said", "waited"),
    [("7", 7), ("0", 0), ("Fri, 31 Dec 1999 23:59:59 GMT", 0), ("Fri, 31 Dec 9999 23:59:59 GMT", 300), ("99999", 300)],
)
def test_waits_as_long_as_it_is_asked_to(tmp_path: Path, serve: Serve, said: str, waited: float) -> None:
    file, data = serve(Fault("429", headers={"Retry-After": said}))
    naps = Naps()
    assert fetch(file, tmp_path, sleep=naps).read_bytes() == data
    assert naps.total == waited


def test_a_nonsensical_wait_is_our_own(tmp_path: Path, serve: Serve) -> None:
    file, data = serve(Fault("503", headers={"Retry-After": "soon"}))
    naps = Naps()
    assert fetch(file, tmp_path, sleep=naps).read_bytes() == data
    assert naps.total == 2


@pytest.mark.parametrize("kind", ["chunked_junk", "longer_body"])
def test_nothing_is_written_beyond_the_size(tmp_path: Path, serve: Serve, kind: str) -> None:
    file, data = serve(kind, size=100_000)
    part(tmp_path).write_bytes(data[:50_000])
    sizes: list[int] = []
    fetch(file, tmp_path, lambda _: sizes.append(part(tmp_path).stat().st_size))
    assert max(sizes) == len(data)
    assert (tmp_path / file.name).read_bytes() == data


def test_a_part_that_is_too_long_is_cut(tmp_path: Path, server: HostileServer, serve: Serve) -> None:
    file, data = serve()
    part(tmp_path).write_bytes(data + b"more")
    assert fetch(file, tmp_path).read_bytes() == data
    assert server.requests == []


def test_a_damaged_part_costs_one_more_download(tmp_path: Path, server: HostileServer, serve: Serve) -> None:
    file, data = serve()
    part(tmp_path).write_bytes(b"?" * 1000)
    assert fetch(file, tmp_path).read_bytes() == data
    assert server.starts(file.name) == [1000, 0]


def test_a_server_with_the_wrong_file_is_believed_twice(tmp_path: Path, server: HostileServer, serve: Serve) -> None:
    file, _ = serve(*[Fault("wrong", 0.5)] * 9)
    with pytest.raises(ICLightError, match=r"wrong sha256.+download it from http"):
        fetch(file, tmp_path)
    assert server.starts(file.name) == [0, 0]
    assert not (tmp_path / file.name).exists()
    assert not part(tmp_path).exists()


def test_a_disk_that_is_too_small_is_not_filled(tmp_path: Path, server: HostileServer, serve: Serve) -> None:
    file, _ = serve()
    with pytest.raises(ICLightError, match=r"needs 1000000000000 MB more and .+ MB free: make room"):
        fetch(replace(file, size=10**18), tmp_path)
    assert server.requests == []


def test_cancelled_in_the_middle_keeps_the_part(tmp_path: Path, server: HostileServer, serve: Serve) -> None:
    file, data = serve(Fault("hold", 0.5))
    seen: list[Progress] = []

    with pytest.raises(FetchCancelled):
        fetch(file, tmp_path, seen.append, lambda: bool(seen) and seen[-1].received == len(data) // 2)
    assert part(tmp_path).read_bytes() == data[: len(data) // 2]
    assert fetch(file, tmp_path).read_bytes() == data
    assert server.starts(file.name) == [0, len(data) // 2]


def test_cancelled_while_it_waits(tmp_path: Path, server: HostileServer, serve: Serve) -> None:
    file, _ = serve("500", "500", "500")
    naps = Naps()
    with pytest.raises(FetchCancelled):
        fetch(file, tmp_path, cancelled=lambda: naps.total >= 1, sleep=naps)
    assert naps.total == 1
    assert len(server.requests) == 1


def test_cancelled_while_another_fetches(tmp_path: Path, server: HostileServer, serve: Serve) -> None:
    file, _ = serve()
    part(tmp_path).write_bytes(b"other")
    seen: list[Progress] = []
    with FileLock(tmp_path / f"{file.name}.lock"), pytest.raises(FetchCancelled):
        fetch(file, tmp_path, seen.append, cancelled=lambda: bool(seen))
    assert seen == [Progress(5, file.size, 0.0, None, 5)]
    assert server.requests == []


@pytest.mark.parametrize("value", ["1", "true", "YES", "on"])
def test_offline_names_address_and_place(
    tmp_path: Path, server: HostileServer, serve: Serve, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    file, _ = serve()
    monkeypatch.delenv("HF_ENDPOINT")
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    with pytest.raises(ICLightError) as refusal:
        fetch(file, tmp_path)
    assert str(refusal.value) == (
        f"HF_HUB_OFFLINE forbids fetching model.onnx: download it from {file.url} and put it at "
        f"{tmp_path / 'model.onnx'}."
    )
    assert server.requests == []


def test_offline_can_be_switched_off(tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    file, data = serve()
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    assert fetch(file, tmp_path).read_bytes() == data


def test_without_a_network_it_says_what_to_do(tmp_path: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    file, _ = serve()
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{unheard.getsockname()[1]}/")
        with pytest.raises(ICLightError, match=r"put it at .+model\.onnx\.$"):
            fetch(file, tmp_path, sleep=Naps())


def test_a_folder_that_is_a_file_is_said(tmp_path: Path, serve: Serve) -> None:
    file, _ = serve()
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ICLightError, match=r"model\.onnx can't be written to .+file"):
        fetch(file, tmp_path / "file")


def test_progress_reads_well() -> None:
    assert str(Progress(412_000_000, 1_719_000_000, 12e6, 109.4, 0)) == "412 of 1719 MB, 12.0 MB/s, 1:49 left"
    assert str(Progress(0, 4_600_000, 0.0, None, 0)) == "0 of 5 MB"

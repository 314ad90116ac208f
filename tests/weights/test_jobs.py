from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from lib_iclight.weights.jobs import FetchJob, JobState, last_fetch, start_fetch
from lib_iclight.weights.manifest import ManifestFile

from .hostile_server import Fault, HostileServer

Serve = Callable[..., tuple[ManifestFile, bytes]]


def state(fetched: FetchJob) -> str:
    """A job's state once it has ended."""
    assert fetched.wait(30)
    return fetched.state.value


def test_one_job_for_all_who_ask(tmp_path: Path, server: HostileServer, serve: Serve) -> None:
    file, data = serve(Fault("hold"))
    first = start_fetch(file, tmp_path)
    assert start_fetch(file, tmp_path) is first is last_fetch(file.name)
    assert first.state is JobState.RUNNING
    assert not first.wait(0)
    server.released.set()
    assert state(first) == "done"
    assert first.sentence == f"model.onnx is in {tmp_path}."
    assert first.progress.received == first.progress.total == len(data)
    assert (tmp_path / file.name).read_bytes() == data
    assert server.sent(file.name) == len(data)


def test_a_job_that_has_ended_can_be_started_again(tmp_path: Path, serve: Serve) -> None:
    file, data = serve("404")
    failed = start_fetch(file, tmp_path)
    assert state(failed) == "failed"
    assert failed.sentence.startswith("model.onnx can't be fetched (the server answered 404")
    again = start_fetch(file, tmp_path)
    assert again is not failed
    assert last_fetch(file.name) is again
    assert state(again) == "done"
    assert (tmp_path / file.name).read_bytes() == data


def test_a_cancelled_job_keeps_its_part_and_wakes_from_its_wait(
    tmp_path: Path, server: HostileServer, serve: Serve
) -> None:
    # it waits five minutes, unless the cancel wakes it
    file, data = serve(Fault("drop", 0.5), Fault("429", headers={"Retry-After": "300"}), name="cancelled.onnx")
    begun = start_fetch(file, tmp_path)
    while len(server.requests) < 2:
        begun.wait(0.01)
    begun.cancel()
    assert state(begun) == "cancelled"
    assert "kept" in begun.sentence
    assert (tmp_path / "cancelled.onnx.part").read_bytes() == data[: len(data) // 2]
    again = start_fetch(file, tmp_path)
    assert again.progress.received == again.progress.resumed_from == len(data) // 2
    assert state(again) == "done"


def test_nothing_is_known_of_what_nobody_asked_for() -> None:
    assert last_fetch("never.onnx") is None


def test_the_console_has_a_bar(tmp_path: Path, serve: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    file, _ = serve(name="shown.onnx")
    assert state(start_fetch(file, tmp_path)) == "done"
    shown = capsys.readouterr().err
    assert "shown.onnx" in shown
    assert "300k/300k" in shown

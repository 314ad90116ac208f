"""The whole training, as short as it can be: what it leaves is loaded and relights as any other model does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from iclight_workshop.training.__main__ import Schedule, run
from iclight_workshop.training.data import Part
from iclight_workshop.training.measure import main
from iclight_workshop.training.stages import Plan

pytestmark = pytest.mark.long

SHORT = Schedule(
    (Part(64, 4, 0, 2), Part(72, 3, 100, 2)),
    vae=Plan("vae", 2, 1e-3),
    base=Plan("base", 2, 1e-3),
    fc=(Plan("fc", 2, 1e-3), Plan("fc-fine", 2, 1e-3)),
    fbc=(Plan("fbc", 2, 1e-3), Plan("fbc-fine", 2, 1e-3)),
)
FILES = ("small_sd15.safetensors", "ic-light/iclight_sd15_fc.safetensors", "ic-light/iclight_sd15_fbc.safetensors")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    run(folder, seed=1, schedule=SHORT)
    return folder


def test_what_it_leaves_is_measured(trained: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    small = ["--scenes", "2", "--ablation-scenes", "0", "--size", "128", "--steps", "1"]
    monkeypatch.setattr("sys.argv", ["measure", "--folder", str(trained), *small])
    assert main() in (0, 1)
    rows = capsys.readouterr().out.splitlines()
    assert [row.split()[0] for row in rows if row.startswith("none")] == ["none"] * 5
    assert len(rows) == 9


@pytest.mark.parametrize(
    ("arguments", "says"), [(["--scenes", "0"], "--scenes must be 1"), (["--scenes", "1"], "small_sd15.safetensors")]
)
def test_what_cannot_be_measured_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any, arguments: list[str], says: str
) -> None:
    monkeypatch.setattr("sys.argv", ["measure", "--folder", str(tmp_path), *arguments, "--ablation-scenes", "0"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(("seed", "schedule"), [(2, SHORT), (1, replace(SHORT, base=Plan("base", 3, 1e-3)))])
def test_another_training_needs_another_folder(trained: Path, seed: int, schedule: Schedule) -> None:
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    with pytest.raises(ValueError, match="another seed or schedule"):
        run(trained, seed, schedule)
    assert {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()} == before


def test_a_finished_training_is_not_done_again(trained: Path) -> None:
    before = {name: load_file(trained / name) for name in FILES}
    log = (trained / "log.jsonl").read_bytes()
    run(trained, seed=1, schedule=SHORT)
    for name, tensors in before.items():
        after = load_file(trained / name)
        assert all((tensors[key] == after[key]).all() for key in tensors)
    assert (trained / "log.jsonl").read_bytes() == log


def test_a_seed_gives_the_same_files(trained: Path, tmp_path: Path) -> None:
    run(tmp_path, seed=1, schedule=SHORT)
    for name in FILES:
        first, second = load_file(trained / name), load_file(tmp_path / name)
        assert all((first[key] == second[key]).all() for key in first)

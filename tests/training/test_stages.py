"""Training that is stopped anywhere goes on as if it had not been."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from iclight_workshop.training import stages
from iclight_workshop.training.stages import Plan, train

pytestmark = pytest.mark.long

PLAN = Plan("line", 50, 0.5)


class PowerCut(BaseException):
    """What stops a run in the middle of a step."""


def trained(folder: Path, cut_at: int | None = None) -> dict[str, Tensor]:
    torch.manual_seed(3)
    network, steps = nn.Linear(4, 1), iter(range(10**6))

    def loss_of(random: np.random.Generator) -> Tensor:
        if next(steps) == cut_at:
            raise PowerCut
        given = torch.from_numpy(random.normal(size=(8, 4))).float() + 0.1 * torch.randn(8, 4)
        return (network(given) - given.sum(dim=1, keepdim=True)).square().mean()

    train(PLAN, network, loss_of, folder, seed=5)
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


@pytest.mark.parametrize("cuts", [(0,), (9,), (10,), (27,), (49,), (13, 5, 20)])
def test_a_stopped_run_ends_with_the_same_weights(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cuts: tuple[int, ...]
) -> None:
    monkeypatch.setattr(stages, "SAVE_EVERY", 10)
    whole = trained(tmp_path / "whole")
    for cut in cuts:
        with pytest.raises(PowerCut):
            trained(tmp_path / "cut", cut)
    resumed = trained(tmp_path / "cut")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert all(torch.equal(whole[name], tensor) for name, tensor in trained(tmp_path / "cut").items())  # done already


def test_it_learns_and_writes_down_how(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "SAVE_EVERY", 10)
    trained(tmp_path)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["step"] for line in lines] == [10, 20, 30, 40, 50]
    assert lines[-1]["loss"] < lines[0]["loss"]


def test_half_a_state_is_never_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "SAVE_EVERY", 10)

    def cut_while_writing(state: dict, path: Path) -> None:
        path.write_bytes(b"half")
        raise PowerCut

    with monkeypatch.context() as patched, pytest.raises(PowerCut):
        patched.setattr(torch, "save", cut_while_writing)
        trained(tmp_path / "cut")
    resumed, whole = trained(tmp_path / "cut"), trained(tmp_path / "whole")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)

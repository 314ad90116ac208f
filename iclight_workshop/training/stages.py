"""The stages of training: each is a number of steps that goes on where it was stopped."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

Loss = Callable[[np.random.Generator], Tensor]
"""Loss of one step, computed with random numbers of its own."""

SAVE_EVERY = 100
AVERAGING = 0.998
"""Share of the averaged weights (an exponential moving average) that each step keeps."""


@dataclass(frozen=True)
class Plan:
    """How long a stage is, and how fast it learns."""

    name: str
    steps: int
    rate: float
    """The learning rate at its highest; it rises over the first 100 steps and falls as a cosine to a fiftieth."""

    detail: float = 5.0
    """Weight of levels with little noise, which decide on fine detail, against those with much."""

    def rate_at(self, step: int) -> float:
        """The learning rate of a step."""
        fall = 0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * step / self.steps))
        return self.rate * min(1.0, (step + 1) / 100) * fall


def train(plan: Plan, network: nn.Module, loss_of: Loss, folder: Path, seed: int) -> None:
    """Train, and leave the averaged weights in the network.

    Every hundredth step the state is saved, whole or not at all, so that a run that was stopped at any point goes on
    from there and ends with the same weights. Losses go to `log.jsonl`.

    :param loss_of: gets random numbers that depend on seed, stage and step alone.
    """
    optimiser = torch.optim.AdamW(network.parameters(), lr=plan.rate, betas=(0.9, 0.98), weight_decay=1e-3)
    averaged = {name: parameter.detach().clone() for name, parameter in network.named_parameters()}
    folder.mkdir(parents=True, exist_ok=True)
    state_file, first = folder / f"{plan.name}.state", 0
    if state_file.exists():
        state = torch.load(state_file, weights_only=True, map_location="cpu")  # loading moves it where it belongs
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        averaged, first = state["averaged"], state["step"]
    losses: list[float] = []
    started = time.monotonic()
    for step in range(first, plan.steps):
        for group in optimiser.param_groups:
            group["lr"] = plan.rate_at(step)
        random = np.random.default_rng([seed, *plan.name.encode(), step])
        torch.manual_seed(int(random.integers(2**62)))
        optimiser.zero_grad(set_to_none=True)
        loss = loss_of(random)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        keep = min(AVERAGING, (step + 1) / (step + 10))
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                averaged[name].lerp_(parameter, 1 - keep)
        losses.append(loss.item())
        if (step + 1) % SAVE_EVERY == 0 or step + 1 == plan.steps:
            state = {"network": network.state_dict(), "optimiser": optimiser.state_dict()}
            _save({**state, "averaged": averaged, "step": step + 1}, state_file)
            _log(folder, plan.name, step + 1, losses, time.monotonic() - started)
            losses, started = [], time.monotonic()
    network.load_state_dict(averaged, strict=False)


def _save(state: dict, path: Path) -> None:
    unfinished = path.with_suffix(".part")
    torch.save(state, unfinished)
    unfinished.replace(path)


def _log(folder: Path, stage: str, step: int, losses: Sequence[float], seconds: float) -> None:
    line = {"stage": stage, "step": step, "loss": round(float(np.mean(losses)), 5), "seconds": round(seconds, 1)}
    print(json.dumps(line), flush=True)
    with (folder / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(line) + "\n")

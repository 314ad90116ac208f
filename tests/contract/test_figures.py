"""What every host's UNet is given and gives back, against the reference."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from iclight_standalone import reference as oracle
from iclight_workshop.host_bench import Bench

from .cases import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_condition_and_unet(bench: Bench, case: Case, figure: Callable[[str, float], float]) -> None:
    if case.payload.get("hr_upscaler") == "Latent" and not bench.enlarges_latents:
        pytest.skip("this host enlarges pictures only")
    outcome = bench.post(case.tab, case.payload)
    if outcome.status == 500:
        plain = {name: value for name, value in case.payload.items() if name != "alwayson_scripts"}
        if bench.post(case.tab, plain).status == 500:
            pytest.skip("this host fails on such a request without a relight as well")
    assert outcome.status == 200, outcome.detail
    assert "IC-Light could not" not in str(outcome.info), "nothing failed on the way"
    grids = outcome.info.get("index_of_first_image", 0)
    assert len(outcome.images) == case.images + grids
    assert np.asarray(outcome.images[0]).std() > 1
    sizes = [(name, *(size if name == "hires" else bench.round_size(*size))) for name, *size in case.passes]
    assert [(each["pass"], each["x"].shape[-1] * 8, each["x"].shape[-2] * 8) for each in outcome.passes] == sizes
    denoiser = oracle.Denoiser(bench.checkpoint, bench.offsets[case.offsets], case.strength)
    for (name, width, height), recorded in zip(sizes, outcome.passes, strict=True):
        condition = oracle.condition(bench.checkpoint, *case.pictures(width, height))
        assert recorded["calls"]
        for call in recorded["calls"]:
            repeated = condition.repeat(len(call["input"]) // len(condition), 1, 1, 1)
            given = figure(f"{name} c_concat", oracle.relative_error(call["c_concat"], repeated))
            assert given <= 1e-5
            sigma = call["timestep"].float()
            epsilon = denoiser.epsilon(call["input"], sigma, call["c_crossattn"], call["c_concat"])
            assert figure(f"{name} UNet", oracle.relative_error(call["unet_output"], epsilon)) <= 2e-6

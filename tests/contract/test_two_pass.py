"""The reference's two-pass method in one click: light start, Lanczos enlargement, second pass."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from PIL import Image

from iclight_standalone import reference as oracle
from iclight_workshop.host_bench import Bench, subject

from .cases import BASE, HIRES, panel_subject, relight

STEPS = 4
LIGHT_DENOISE = 0.6
HIRES_DENOISE = 0.5
CFG = 2

PAYLOAD = (
    BASE
    | HIRES
    | {"steps": STEPS, "cfg_scale": CFG, "hr_cfg": CFG, "denoising_strength": HIRES_DENOISE}
    | relight(model="iclight_sd15_fc", subject=subject(), light="left", light_denoise=LIGHT_DENOISE)
)


def euler(
    denoiser: oracle.Denoiser, recorded: dict[str, Any], latent: torch.Tensor, condition: torch.Tensor
) -> torch.Tensor:
    """Euler's method from a latent, with the host's own noise, noise levels and encoded prompts."""
    sigmas = recorded["schedule"]["sigmas"]
    prompts: dict[int, torch.Tensor] = {}
    for call in recorded["calls"]:  # not every host hands both prompts over at once
        chunks = call["c_crossattn"].chunk(len(call["cond_or_uncond"]))
        prompts |= zip(call["cond_or_uncond"], chunks, strict=True)
    context = torch.cat([prompts[0], prompts[1]])
    x = latent + sigmas[0] * recorded["noise"]
    for sigma, following in itertools.pairwise(sigmas):
        with_prompt, without = denoiser.epsilon(x.repeat(2, 1, 1, 1), sigma.repeat(2), context, condition).chunk(2)
        if not is_guided(recorded, sigma):
            without = with_prompt
        x = x + (following - sigma) * (without + CFG * (with_prompt - without))
    return x


def is_guided(recorded: dict[str, Any], sigma: torch.Tensor) -> bool:
    """Whether the host denoised by the negative prompt too at a level of noise: Classic doesn't in the first step.

    Later steps than those whose calls were recorded are.
    """
    calls = [call for call in recorded["calls"] if torch.isclose(call["timestep"][0].float(), sigma.float(), rtol=1e-4)]
    return not calls or any(1 in call["cond_or_uncond"] for call in calls)


def enlarged(pixels: torch.Tensor, width: int, height: int) -> torch.Tensor:
    """Through an 8-bit picture, as the web UI enlarges: Lanczos, back to -1…1."""
    values = (pixels[0].clamp(-1, 1) + 1) / 2 * 255
    image = Image.fromarray(values.movedim(0, -1).numpy().astype(np.uint8)).resize((width, height), Image.LANCZOS)
    return torch.from_numpy(np.array(image)).movedim(-1, 0)[None].contiguous().float() / 127.5 - 1


def test_two_passes_end_to_end(bench: Bench, figure: Callable[[str, float], float]) -> None:
    outcome = bench.post("txt2img", PAYLOAD)
    assert outcome.status == 200, outcome.detail
    first, second = outcome.passes
    denoiser = oracle.Denoiser(bench.checkpoint, bench.offsets["fc"])

    # the pass runs all the steps that were asked for, at the end of a schedule that is cut to the light denoise
    assert len(first["schedule"]["sigmas"]) == STEPS + 1
    assert first["schedule"]["sigmas"][0] < 0.9 * oracle.sigmas()[-1]
    light = oracle.condition(bench.checkpoint, oracle.light_map("left", 128, 192))
    condition = oracle.condition(bench.checkpoint, *panel_subject(128, 192))
    latent = euler(denoiser, first, light, condition)
    assert figure("first pass", oracle.relative_error(first["samples"], latent)) <= 1e-3

    larger = oracle.encode(bench.checkpoint, enlarged(oracle.decode(bench.checkpoint, latent), 192, 288))
    # the host samples this latent's posterior, the reference takes its mode
    assert figure("enlarged latent", oracle.relative_error(second["x"], larger)) <= 1e-3
    condition = oracle.condition(bench.checkpoint, *panel_subject(192, 288))
    latent = euler(denoiser, second, larger, condition)
    assert figure("second pass", oracle.relative_error(second["samples"], latent)) <= 1e-3


def noise_levels(steps: int) -> torch.Tensor:
    """The schedule of that many steps: evenly over the model's 1000 levels, from the most noise to none."""
    levels = torch.linspace(999, 0, steps, dtype=torch.float64)
    low = levels.floor().long()
    high = (low + 1).clamp(max=999)
    logs = oracle.sigmas().log()
    return torch.cat([torch.lerp(logs[low], logs[high], levels - low).exp(), torch.zeros(1)])


def test_steps_are_truncated_where_the_reference_rounds(bench: Bench, figure: Callable[[str, float], float]) -> None:
    recorded = bench.post("txt2img", PAYLOAD).passes[0]["schedule"]["sigmas"]
    truncated, rounded = (noise_levels(whole(STEPS / LIGHT_DENOISE))[-STEPS - 1 :] for whole in (int, round))
    assert figure("from Forge's schedule", oracle.relative_error(recorded, truncated)) <= 1e-5
    assert figure("from the reference's", oracle.relative_error(recorded, rounded)) > 0.1
    figure("the demo's 25 steps at 0.9: length here", int(25 / 0.9))
    figure("the demo's 25 steps at 0.9: length in the reference", round(25 / 0.9))

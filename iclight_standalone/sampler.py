"""Euler's method, with the calls and attributes that the host's samplers have."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .patcher import ModelPatcher

COND, UNCOND = 0, 1
"""Values in `cond_or_uncond`: a chunk that is denoised by the prompt, and one by the negative prompt."""


class InterruptedException(BaseException):
    """Ends a pass that the user stopped; never leaves :meth:`Sampler.launch_sampling`."""


@dataclass
class State:
    """What the user wants of the host while it works."""

    interrupted: bool = False
    skipped: bool = False
    on_step: Callable[[], object] | None = None
    """Called at each step."""


class CFGDenoiser:
    """Classifier-free guidance, and the mask, around the UNet."""

    def __init__(self, sampler: Sampler) -> None:
        self._sampler = sampler
        self.init_latent = torch.empty(0)
        """What `p.mask` keeps, [B, 4, H/8, W/8]; empty in a pass that starts from noise, which has no mask."""

    def __call__(self, x: Tensor, sigma: Tensor, cond: Tensor, uncond: Tensor, cond_scale: float) -> Tensor:
        """Denoise `x`, [B, 4, H/8, W/8], as noisy as `sigma`, [B]. cond, uncond: [B, 77 · n, width]."""
        p = self._sampler.p
        if p.state.interrupted or p.state.skipped:
            raise InterruptedException
        if p.mask is not None:
            kept = self.init_latent + torch.randn_like(x) * sigma[:, None, None, None]
            x = torch.where(p.mask, kept, x)
        unet = p.sd_model.forge_objects.unet
        if math.isclose(cond_scale, 1.0):
            denoised = denoise_chunks(unet, x, sigma, {COND: cond})[COND]
        else:
            chunks = denoise_chunks(unet, x, sigma, {COND: cond, UNCOND: uncond})
            denoised = chunks[UNCOND] + (chunks[COND] - chunks[UNCOND]) * cond_scale
        if p.mask is not None:
            denoised = torch.where(p.mask, self.init_latent, denoised)
        self._sampler.last_latent = denoised
        if p.state.on_step is not None:
            p.state.on_step()
        return denoised


def denoise_chunks(unet: ModelPatcher, x: Tensor, sigma: Tensor, conditions: dict[int, Tensor]) -> dict[int, Tensor]:
    """Denoise by each prompt: in one call, the last one first, or one by one where they differ in length.

    :param conditions: [B, 77 · n, width] each, by COND and UNCOND.
    :returns: [B, 4, H/8, W/8] each, by the same.
    """
    together = len({condition.shape for condition in conditions.values()}) == 1
    apply_model = unet.model.apply_model
    outputs: dict[int, Tensor] = {}
    for chunks in [list(reversed(conditions))] if together else [[chunk] for chunk in conditions]:
        options = {**unet.model_options["transformer_options"], "cond_or_uncond": chunks[:], "sigmas": sigma}
        c = {"c_crossattn": torch.cat([conditions[chunk] for chunk in chunks]), "transformer_options": options}
        noisy, timestep = x.repeat(len(chunks), 1, 1, 1), sigma.repeat(len(chunks))
        wrapper = unet.model_options.get("model_function_wrapper")
        if wrapper is None:
            output = apply_model(noisy, timestep, **c)
        else:
            output = wrapper(apply_model, {"input": noisy, "timestep": timestep, "c": c, "cond_or_uncond": chunks})
        outputs |= dict(zip(chunks, output.chunk(len(chunks)), strict=True))
    return outputs


class Sampler:
    """One sampler of one pass (txt2img) or one generation (img2img)."""

    def __init__(self) -> None:
        self.func = sample_euler
        self.model_wrap_cfg = CFGDenoiser(self)
        self.last_latent = torch.empty(0)
        """Denoised so far; empty before the first pass."""
        self.p: Any = None

    def sample(self, p: Any, x: Tensor, c: Tensor, uc: Tensor) -> Tensor:
        """Sample from noise `x` of standard deviation 1, [B, 4, H/8, W/8]; c and uc: [B, 77 · n, width]."""
        sigmas = p.sd_model.forge_objects.unet.model.schedule(p.steps)
        return self._run(p, x * sigmas[0], sigmas, c, uc)

    def sample_img2img(
        self, p: Any, x: Tensor, noise: Tensor, c: Tensor, uc: Tensor, steps: int | None = None
    ) -> Tensor:
        """Sample from a latent `x`, at `p.denoising_strength`; both [B, 4, H/8, W/8]."""
        steps, last = setup_img2img_steps(p, steps)
        sigmas = p.sd_model.forge_objects.unet.model.schedule(steps)[steps - last - 1 :]
        self.model_wrap_cfg.init_latent = x
        return self._run(p, x + noise * sigmas[0], sigmas, c, uc)

    def launch_sampling(self, steps: int, func: Callable[[], Tensor]) -> Tensor:
        """Run the sampling function; where the user stopped it, what there is so far."""
        try:
            return func()
        except InterruptedException:
            return self.last_latent

    def _run(self, p: Any, noisy: Tensor, sigmas: Tensor, c: Tensor, uc: Tensor) -> Tensor:
        p.sd_model.forge_objects.unet.load()
        self.p, self.last_latent = p, noisy
        guidance = {"cond": c, "uncond": uc, "cond_scale": p.hr_cfg if p.is_hr_pass else p.cfg_scale}
        return self.launch_sampling(
            len(sigmas) - 1, lambda: self.func(self.model_wrap_cfg, noisy, sigmas=sigmas, extra_args=guidance)
        )


def setup_img2img_steps(p: Any, steps: int | None) -> tuple[int, int]:
    """How many steps the schedule has, and the number of the last one that is run, counted from its end.

    With `steps` that many are run, of a longer schedule; without, the denoising strength's share of `p.steps`.
    """
    strength = min(p.denoising_strength, 0.999)
    if steps is None:
        return p.steps, int(strength * p.steps)
    return (int(steps / strength) if strength > 0 else 0), steps - 1


def sample_euler(model: CFGDenoiser, x: Tensor, sigmas: Tensor, extra_args: dict[str, Any]) -> Tensor:
    """Euler's method along the probability flow: Karras et al. (2022), without its noise."""
    for sigma, following in itertools.pairwise(sigmas):
        denoised = model(x, sigma.expand(len(x)), **extra_args)
        x = x + (x - denoised) / sigma * (following - sigma)
    return x

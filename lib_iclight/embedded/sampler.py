"""Euler and Euler a, with the methods and attributes that the host's samplers have."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from .model import StableDiffusion
from .patcher import ModelPatcher

Condition = torch.Tensor | None
"""A prompt's, or none where there is nothing to guide away from."""

COND, UNCOND = 0, 1
"""What `cond_or_uncond` calls a chunk that goes by the prompt, and one that goes by the negative prompt."""


class InterruptedException(BaseException):
    """Ends a pass that the user stopped; never leaves :meth:`Sampler.launch_sampling`."""


@dataclass
class State:
    """How far the host is, and what the user wants of it meanwhile."""

    interrupted: bool = False
    skipped: bool = False
    stopping_generation: bool = False
    sampling_step: int = 0
    sampling_steps: int = 0
    on_step: Callable[[], object] | None = None
    """Called after each step."""


class ImageRNG:
    """Noise: a generator for each picture of a batch, so that its size changes none of them."""

    def __init__(self, shape: tuple[int, ...], seeds: list[int]) -> None:
        """:param shape: of one picture's latent, [4, H/8, W/8]."""
        self._shape = tuple(shape)
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        # the posterior of what is encoded from here on is drawn from the global state
        torch.manual_seed((seeds[-1] + 100000) % 65536)

    def next(self) -> torch.Tensor:
        """[B, 4, H/8, W/8] of standard deviation 1."""
        return torch.stack([torch.randn(self._shape, generator=generator) for generator in self._generators])


class ModelWrap:
    """The noise schedule as samplers see it."""

    def __init__(self, sd_model: StableDiffusion) -> None:
        self.inner_model = sd_model
        self.predictor = sd_model.forge_objects.unet.model.predictor

    def get_sigmas(self, steps: int) -> torch.Tensor:
        """From the most noise to none, evenly over the model's levels: [steps + 1]."""
        levels = torch.linspace(len(self.predictor.sigmas) - 1, 0, steps)
        return torch.cat([self.predictor.sigma(levels), torch.zeros(1)])


class CFGDenoiser:
    """Two guidances and a mask around the UNet."""

    def __init__(self, sampler: Sampler, model_wrap: ModelWrap) -> None:
        self.sampler = sampler
        self.inner_model = model_wrap
        self.init_latent: torch.Tensor | None = None
        """What the mask keeps, [B, 4, H/8, W/8]."""
        self.mask: torch.Tensor | None = None
        """1 where it is kept."""
        self.nmask: torch.Tensor | None = None
        self.step = 0

    def __call__(
        self, x: torch.Tensor, sigma: torch.Tensor, cond: torch.Tensor, uncond: Condition, cond_scale: float
    ) -> torch.Tensor:
        """Denoise `x`, [B, 4, H/8, W/8], as noisy as `sigma`, [B]. cond, uncond: [B, 77 · n, width]."""
        state = self.sampler.state
        if state.interrupted or state.skipped:
            raise InterruptedException
        if self.mask is not None:
            kept = self.inner_model.predictor.noise_scaling(
                sigma[:, None, None, None], torch.randn_like(x), self.init_latent
            )
            x = x * self.nmask + kept * self.mask
        unet = self.inner_model.inner_model.forge_objects.unet
        if math.isclose(cond_scale, 1.0):
            uncond = None
        with_prompt, without = denoise_chunks(unet, x, sigma, cond, uncond)
        denoised = without + (with_prompt - without) * cond_scale
        if self.mask is not None:
            denoised = denoised * self.nmask + self.init_latent * self.mask
        self.sampler.last_latent = denoised
        self.step += 1
        return denoised


def denoise_chunks(
    unet: ModelPatcher, x: torch.Tensor, sigma: torch.Tensor, cond: torch.Tensor, uncond: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Denoise by both prompts: in one call, the negative one first, or one by one where they differ in length.

    :returns: by the prompt, by the negative prompt (zeros without one).
    """
    conditions = {COND: cond} if uncond is None else {COND: cond, UNCOND: uncond}
    together = uncond is not None and cond.shape == uncond.shape
    outputs = {UNCOND: torch.zeros_like(x)}
    for chunks in [[UNCOND, COND]] if together else [[chunk] for chunk in conditions]:
        count = len(chunks)
        c = {
            "c_crossattn": torch.cat([conditions[chunk] for chunk in chunks]),
            "transformer_options": {
                **unet.model_options["transformer_options"],
                "cond_or_uncond": chunks[:],
                "sigmas": sigma,
            },
        }
        args = {"input": x.repeat(count, 1, 1, 1), "timestep": sigma.repeat(count), "c": c, "cond_or_uncond": chunks}
        wrapper = unet.model_options.get("model_function_wrapper")
        if wrapper is not None:
            output = wrapper(unet.model.apply_model, args)
        else:
            output = unet.model.apply_model(args["input"], args["timestep"], **c)
        outputs |= dict(zip(chunks, output.chunk(count), strict=True))
    return outputs[COND], outputs[UNCOND]


class Sampler:
    """One sampler of one pass (txt2img) or one generation (img2img)."""

    def __init__(self, name: str, sd_model: StableDiffusion, state: State) -> None:
        """:param name: one of :data:`SAMPLERS`."""
        self.func = SAMPLERS[name]
        self.state = state
        self.model_wrap = ModelWrap(sd_model)
        self.model_wrap_cfg = CFGDenoiser(self, self.model_wrap)
        self.last_latent: torch.Tensor | None = None
        self.p: Any = None

    def sample(self, p: Any, x: torch.Tensor, c: torch.Tensor, uc: Condition, steps: int | None = None) -> torch.Tensor:
        """Sample from noise `x` of standard deviation 1, [B, 4, H/8, W/8]; c and uc: [B, 77 · n, width]."""
        steps = steps or p.steps
        sigmas = self.model_wrap.get_sigmas(steps)
        return self._run(p, x * sigmas[0], sigmas, steps, c, uc, x * sigmas[0])

    def sample_img2img(
        self, p: Any, x: torch.Tensor, noise: torch.Tensor, c: torch.Tensor, uc: Condition, steps: int | None = None
    ) -> torch.Tensor:
        """Sample from a latent `x`, at `p.denoising_strength`; both [B, 4, H/8, W/8]."""
        steps, last = setup_img2img_steps(p, steps)
        sigmas = self.model_wrap.get_sigmas(steps)[steps - last - 1 :]
        noisy = self.model_wrap.predictor.noise_scaling(sigmas[0], noise, x)
        self.model_wrap_cfg.init_latent = x
        return self._run(p, noisy, sigmas, last + 1, c, uc, x)

    def launch_sampling(self, steps: int, func: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Run the sampling function; where the user stopped it, what there is so far."""
        self.state.sampling_step, self.state.sampling_steps = 0, steps
        try:
            return func()
        except InterruptedException:
            return self.last_latent

    def callback_state(self, step: dict[str, Any]) -> None:
        """Called by the sampling function after each step."""
        self.state.sampling_step = step["i"]
        if self.state.on_step is not None:
            self.state.on_step()

    def _run(
        self, p: Any, noisy: torch.Tensor, sigmas: torch.Tensor, steps: int, c: torch.Tensor, uc: Condition, last: Any
    ) -> torch.Tensor:
        self.model_wrap.inner_model.forge_objects.unet.load()
        self.p = p
        denoiser = self.model_wrap_cfg
        denoiser.step = 0
        denoiser.mask, denoiser.nmask = getattr(p, "mask", None), getattr(p, "nmask", None)
        self.last_latent = last
        extra_args = {"cond": c, "uncond": uc, "cond_scale": p.hr_cfg if p.is_hr_pass else p.cfg_scale}
        return self.launch_sampling(
            steps,
            lambda: self.func(denoiser, noisy, sigmas=sigmas, extra_args=extra_args, callback=self.callback_state),
        )


def setup_img2img_steps(p: Any, steps: int | None) -> tuple[int, int]:
    """How many steps the schedule has, and the number of the last one that is run, counted from its end.

    With `steps` that many are run, of a longer schedule; without, the denoising strength's share of `p.steps`.
    """
    strength = min(p.denoising_strength, 0.999)
    if steps is None:
        return p.steps, int(strength * p.steps)
    return (int(steps / strength) if strength > 0 else 0), steps - 1


def sample_euler(
    model: CFGDenoiser, x: torch.Tensor, sigmas: torch.Tensor, extra_args: dict[str, Any], callback: Callable
) -> torch.Tensor:
    """Euler's method along the probability flow: Karras et al. (2022), without its noise."""
    for i in range(len(sigmas) - 1):
        denoised = model(x, sigmas[i] * x.new_ones(len(x)), **extra_args)
        callback({"x": x, "i": i, "sigma": sigmas[i], "denoised": denoised})
        x = x + (x - denoised) / sigmas[i] * (sigmas[i + 1] - sigmas[i])
    return x


def sample_euler_ancestral(
    model: CFGDenoiser, x: torch.Tensor, sigmas: torch.Tensor, extra_args: dict[str, Any], callback: Callable
) -> torch.Tensor:
    """Euler's method to less noise than asked for, and fresh noise up to it."""
    for i in range(len(sigmas) - 1):
        now, then = sigmas[i], sigmas[i + 1]
        denoised = model(x, now * x.new_ones(len(x)), **extra_args)
        callback({"x": x, "i": i, "sigma": now, "denoised": denoised})
        up = torch.minimum(then, then * (1 - then**2 / now**2).sqrt())
        down = (then**2 - up**2).sqrt()
        x = x + (x - denoised) / now * (down - now)
        if then > 0:
            x = x + model.sampler.p.rng.next() * up
    return x


SAMPLERS: dict[str, Callable] = {"Euler": sample_euler, "Euler a": sample_euler_ancestral}
"""Sampling functions by the web UI's name."""

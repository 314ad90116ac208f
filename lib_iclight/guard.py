"""The guard on one pass's sampler: how the pass starts, and what stops it.

The hosts' script runner prints what a hook raises and generates on. The sampler is what the host calls right after
the hook, outside the runner: what its methods raise ends the generation and reaches the user.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch

from .errors import ICLightError, ICLightFault
from .hosts import Host
from .patch import Patch, name_wrapper

_GUARD = "iclight_guard"

_NO_CONDITION = re.compile(r"to have (8|12) channels, but got 4 channels")
"""What torch says where the widened first convolution gets the noisy latent alone."""

_MAX_SCHEDULE = 1000
"""Steps that SD's noise schedule has: more can't be told apart, and some samplers divide by them."""


class LightStart(NamedTuple):
    """A pass that starts from a light map instead of what the host would start from."""

    latent: torch.Tensor
    """[1 or B, 4, H/8, W/8]."""

    denoise: float
    """Share of the schedule to run where the host would start from noise. Where it would start from a latent, as in
    img2img, its own denoising strength says it."""


class Pass(NamedTuple):
    """What the guard has to know about the pass that is about to be sampled."""

    patch: Patch | None = None
    start: LightStart | None = None
    error: Exception | None = None
    """Why the pass must not be sampled."""


def guard_sampler(host: Host, p: Any, this_pass: Pass) -> None:
    """Put the pass before this p's sampler; one guard however often the hook runs."""
    guard = getattr(p.sampler, _GUARD, None)
    if guard is None:
        guard = Guard(host, p.sampler)
        setattr(p.sampler, _GUARD, guard)
        p.sampler.sample = guard.sample
        p.sampler.sample_img2img = guard.sample_img2img
    guard.this_pass = this_pass


class Guard:
    """Stands in for one sampler's `sample` and `sample_img2img`."""

    def __init__(self, host: Host, sampler: Any) -> None:
        self._host = host
        self._sampler = sampler
        self._sample = sampler.sample
        self._sample_img2img = sampler.sample_img2img
        self.this_pass = Pass()

    def sample(self, p: Any, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Sample from noise, or from the light map. `x` is noise of standard deviation 1, [B, 4, H/8, W/8]."""
        with self._refusing():
            return self._from_noise(p, x, *args, **kwargs)

    def sample_img2img(self, p: Any, x: torch.Tensor, noise: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        """Sample from the host's latent `x`, or from the light map; both [B, 4, H/8, W/8]."""
        with self._refusing():
            return self._from_latent(p, x, noise, *args, **kwargs)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        """Give errors the form in which the host hands them on to the user."""
        try:
            yield
        except ICLightError as error:
            refusal = self._host.webui.refusal(error)
            if refusal is error:
                raise
            raise refusal from error

    def _from_noise(self, p: Any, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        start = self._checked_start(p)
        if start is None:
            return self._sampled(p, lambda: self._sample(p, x, *args, **kwargs))
        steps = kwargs.pop("steps", None) or p.steps
        if steps / start.denoise > _MAX_SCHEDULE:
            raise ICLightError(
                f"light_denoise {start.denoise:g} with {steps} steps makes a schedule of {int(steps / start.denoise)}, "
                f"more than the model's {_MAX_SCHEDULE}: raise light_denoise or take fewer steps."
            )
        latent, extra_noise = _for_batch(start.latent, x), self._host.webui.extra_noise()
        if extra_noise:  # which the host adds to every pass that starts from a latent
            latent = latent - extra_noise * x
        strength = p.denoising_strength  # in txt2img the hires pass's
        p.denoising_strength = start.denoise
        try:
            return self._sampled(p, lambda: self._sample_img2img(p, latent, x, *args, steps=steps, **kwargs))
        finally:
            p.denoising_strength = strength
            if extra_noise:
                self._host.webui.drop_extra_noise_infotext(p)

    def _from_latent(self, p: Any, x: torch.Tensor, noise: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        start = self._checked_start(p)
        if start is None:
            return self._sampled(p, lambda: self._sample_img2img(p, x, noise, *args, **kwargs))
        latent = _for_batch(start.latent, x)
        with self._host.webui.keep_latent_in_mask(p, x):
            return self._sampled(p, lambda: self._sample_img2img(p, latent, noise, *args, **kwargs))

    def _checked_start(self, p: Any) -> LightStart | None:
        """How to start, once nothing speaks against sampling at all."""
        error = self.this_pass.error
        if isinstance(error, ICLightError):
            raise error
        if error is not None:
            raise ICLightFault.from_exception(error) from error
        patch = self.this_pass.patch
        if patch is not None:
            self._check_patched(p, patch)
            patch.offsets.check_unchanged()
        return self.this_pass.start

    def _check_patched(self, p: Any, patch: Patch) -> None:
        unet = self._host.patcher.unet(p.sd_model)
        if not self._host.patcher.carries_patches(unet, patch.offsets.merge_name):
            raise ICLightError(
                "Another extension exchanged the UNet after IC-Light had patched it, so the picture would not be "
                f"relit (the UNet now has {name_wrapper(unet)}): switch that extension off."
            )

    def _sampled(self, p: Any, sample: Callable[[], torch.Tensor]) -> torch.Tensor:
        """Sample, and make sure that the UNet was the patched one, called through our wrapper."""
        patch = self.this_pass.patch
        if patch is None:
            return sample()
        unet = self._host.patcher.unet(p.sd_model)
        try:
            samples = sample()
        except Exception as error:
            self._host.patcher.forget_merge(unet)
            if isinstance(error, RuntimeError) and _NO_CONDITION.search(str(error)):
                raise self._not_reached(unet) from error
            raise
        if not self._host.webui.interrupted():
            self._check_patched(p, patch)
            if not patch.reached:
                raise self._not_reached(unet)
        return samples

    def _not_reached(self, unet: Any) -> ICLightError:
        return ICLightError(
            "The picture was not relit: IC-Light's condition did not reach the UNet, which was called through "
            f"{name_wrapper(unet)}. Switch the extension that put it there off, or, if no step was sampled at all, "
            "raise the denoising strength."
        )


def _for_batch(latent: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
    """The latent for a batch like `x`: [B, 4, H/8, W/8]."""
    return latent.to(x).repeat(len(x) // len(latent), 1, 1, 1)

"""As much of a host as patching and sampling talk to: a patcher that clones as Forge's `ModelPatcher` does."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from types import SimpleNamespace
from typing import Any

import torch

from lib_iclight.hosts import Host
from lib_iclight.hosts.sampler import keep_latent_in_mask


class Patcher:
    """Forge's `UnetPatcher`, without a UNet: clones share the weights and deep-copy the options."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        self.shapes = shapes
        self.lora_patches: dict[tuple, dict] = {}
        self.model_options: dict[str, Any] = {"transformer_options": {}}
        self.extra_concat_condition: torch.Tensor | None = None

    def clone(self) -> Patcher:
        clone = Patcher(self.shapes)
        clone.lora_patches = self.lora_patches.copy()
        clone.model_options = copy.deepcopy(self.model_options)
        clone.extra_concat_condition = self.extra_concat_condition
        return clone

    def add_patches(self, *, filename: str, patches: Mapping[str, Any], strength_patch: float = 1.0) -> set[str]:
        taken = {name: [strength_patch, patches[name]] for name in patches if name in self.shapes}
        self.lora_patches[(filename, strength_patch)] = taken
        return set(taken)

    def set_model_unet_function_wrapper(self, wrapper: Callable) -> None:
        self.model_options["model_function_wrapper"] = wrapper


class StandInPatcher:
    """The host's answers about a :class:`Patcher`."""

    def __init__(self) -> None:
        self.forgotten: list[Patcher] = []

    def unet(self, sd_model: Any) -> Patcher:
        return sd_model.forge_objects.unet

    def exchange_unet(self, sd_model: Any, unet: Patcher) -> None:
        sd_model.forge_objects.unet = unet

    def shapes(self, unet: Patcher) -> Mapping[str, tuple[int, ...]]:
        return unet.shapes

    def has_other_condition(self, unet: Patcher) -> bool:
        return unet.extra_concat_condition is not None

    def clone_patched(
        self, unet: Patcher, name: str, patches: Mapping[str, Any], strength: float
    ) -> tuple[Patcher, set[str]]:
        clone = unet.clone()
        return clone, clone.add_patches(filename=name, patches=patches, strength_patch=strength)

    def carries_patches(self, unet: Patcher, name: str) -> bool:
        return any(key[0] == name for key in unet.lora_patches)

    def forget_merge(self, unet: Patcher) -> None:
        self.forgotten.append(unet)


class StandInWebUI:
    """What the guard asks a web UI."""

    def __init__(self) -> None:
        self.stopped = False
        self.noise = 0.0

    def interrupted(self) -> bool:
        return self.stopped

    def refusal(self, error: Exception) -> Exception:
        return error

    def extra_noise(self) -> float:
        return self.noise

    def drop_extra_noise_infotext(self, p: Any) -> None:
        p.extra_generation_params.pop("Extra noise", None)

    def keep_latent_in_mask(self, p: Any, latent: torch.Tensor) -> AbstractContextManager[None]:
        return keep_latent_in_mask(p, latent)


def a_host() -> Host:
    """A host without a VAE."""
    return Host(StandInWebUI(), StandInPatcher(), None)


def a_model(shapes: Mapping[str, tuple[int, ...]]) -> Any:
    """A checkpoint whose UNet has these shapes, by ldm name."""
    unet = Patcher({"diffusion_model." + name: shape for name, shape in shapes.items()})
    return SimpleNamespace(forge_objects=SimpleNamespace(unet=unet))


def call_unet(unet: Patcher, apply_model: Callable, noisy: torch.Tensor, chunks: int = 2) -> torch.Tensor:
    """One UNet call of the host's sampling."""
    timestep = torch.full((len(noisy),), 500.0)
    c = {"c_crossattn": torch.zeros(len(noisy), 77, 8), "transformer_options": {"sigmas": timestep}}
    wrapper = unet.model_options.get("model_function_wrapper")
    if wrapper is None:
        return apply_model(noisy, timestep, **c)
    args = {"input": noisy, "timestep": timestep, "c": c, "cond_or_uncond": [0, 1, 0][:chunks]}
    return wrapper(apply_model, args)

"""Patches with names (`backend.patcher` with its `lora_loader`): Forge's main branch, and the small host."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import Patcher


class BackendPatcher(Patcher):
    """See :class:`lib_iclight.hosts.Patcher`. Holds nothing."""

    def unet(self, sd_model: Any) -> Any:
        return sd_model.forge_objects.unet

    def exchange_unet(self, sd_model: Any, unet: Any) -> None:
        sd_model.forge_objects.unet = unet

    def shapes(self, unet: Any) -> Mapping[str, tuple[int, ...]]:
        # What an earlier relight merged stays merged until the next UNet is loaded; the originals are in the backup.
        originals = unet.model.lora_loader.backup
        return {name: _shape(originals.get(name, weight)) for name, weight in unet.model.named_parameters()}

    def has_other_condition(self, unet: Any) -> bool:
        return getattr(unet, "extra_concat_condition", None) is not None

    def add_patches(self, unet: Any, name: str, patches: Mapping[str, Any], strength: float) -> set[str]:
        return set(unet.add_patches(filename=name, patches=patches, strength_patch=strength))

    def carries_patches(self, unet: Any, name: str) -> bool:
        return any(identifier[0] == name and patches for identifier, patches in unet.lora_patches.items())

    def forget_merge(self, unet: Any) -> None:
        # A merge that broke off has exchanged some weights, and the loader still believes that none were.
        unet.model.lora_loader.loaded_hash = None


def _shape(weight: Any) -> tuple[int, ...]:
    """A weight's shape; that of one packed by bitsandbytes is in its quantisation state."""
    return tuple((getattr(weight, "quant_state", None) or weight).shape)

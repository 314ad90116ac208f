"""Patches on a model that others use too: the calls of Forge's `backend.patcher`."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn

Identifier = tuple[str, float, float, bool]
"""File name, strength of the patch, strength of the model, online: what a merge is known by."""


class LoraLoader:
    """What is merged into one model right now, and the weights that it had before."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.backup: dict[str, nn.Parameter] = {}
        self.loaded_hash = str([])
        self.loaded: Callable[[], ModelPatcher | None] = lambda: None
        """The patcher that was loaded last; it is not kept alive."""

    @torch.inference_mode()
    def refresh(self, lora_patches: Mapping[Identifier, Mapping[str, list]]) -> None:
        """Merge these patches and no others, unless they are the ones that are merged already."""
        wanted = str(list(lora_patches))
        if wanted == self.loaded_hash:
            return
        for name, weight in self.backup.items():
            self._put(name, weight)
        self.backup = {}
        for patches in lora_patches.values():
            for name, changes in patches.items():
                weight = self.model.get_parameter(name)
                self.backup.setdefault(name, weight)
                self._put(name, nn.Parameter(merged(weight, changes), requires_grad=False))
        self.loaded_hash = wanted

    def _put(self, name: str, weight: nn.Parameter) -> None:
        parent, _, leaf = name.rpartition(".")
        setattr(self.model.get_submodule(parent), leaf, weight)


class ModelPatcher:
    """A view on a model: its own patches and options, the weights shared with every clone."""

    extra_concat_condition: torch.Tensor | None = None
    controlnet_linked_list = None

    def __init__(self, model: nn.Module) -> None:
        self.model = model
        self.lora_patches: dict[Identifier, dict[str, list]] = {}
        self.model_options: dict[str, Any] = {"transformer_options": {}}
        if not hasattr(model, "lora_loader"):
            model.lora_loader = LoraLoader(model)

    def clone(self) -> ModelPatcher:
        """Patches are shared, options are deep-copied: a function stays the same function, objects are doubled."""
        clone = type(self)(self.model)
        clone.lora_patches = self.lora_patches.copy()
        clone.model_options = copy.deepcopy(self.model_options)
        clone.extra_concat_condition = self.extra_concat_condition
        return clone

    def add_patches(
        self,
        *,
        filename: str,
        patches: Mapping[str, Any],
        strength_patch: float = 1.0,
        strength_model: float = 1.0,
        online_mode: bool = False,
    ) -> set[str]:
        """Ask for differences to be merged when this patcher is loaded. The same identifier again replaces them.

        :param patches: `(tensor,)` or `("diff", [tensor, …])` by the parameter's name in the model.
        :param online_mode: is part of the identifier; merged all the same.
        :returns: the keys that the model has.
        """
        names = {name for name, _ in self.model.named_parameters()}
        taken = {key: value for key, value in patches.items() if key in names}
        identifier = (filename, strength_patch, strength_model, online_mode)
        self.lora_patches[identifier] = {key: [(strength_patch, value, strength_model)] for key, value in taken.items()}
        return set(taken)

    def set_model_unet_function_wrapper(self, wrapper: Callable) -> None:
        """Have every call of the UNet go through this function; there is one at most."""
        self.model_options["model_function_wrapper"] = wrapper

    def set_model_vae_regulation(self, regulation: Callable) -> None:
        """Have this function draw the latent from the posterior."""
        self.model_options["model_vae_regulation"] = regulation

    def refresh_loras(self) -> None:
        """Bring the model's weights to what this patcher asks for."""
        self.model.lora_loader.refresh(self.lora_patches)

    def load(self) -> None:
        """Make this the patcher whose weights the model has. What is added to a loaded one is not seen."""
        loader = self.model.lora_loader
        if loader.loaded() is not self:
            self.refresh_loras()
            loader.loaded = weakref.ref(self)


def merged(weight: torch.Tensor, changes: list[tuple[float, Any, float]]) -> torch.Tensor:
    """The weight with its differences added, in fp32. The larger of two convolutions' shapes wins, padded with zeros.

    :raises ValueError: a difference is of a form or shape that can't be merged.
    """
    result = weight.detach().to(torch.float32, copy=True)
    for strength, value, strength_model in changes:
        form, (difference, *_) = value if len(value) == 2 else ("diff", value)
        if form != "diff":
            raise ValueError(f"the embedded host merges differences, not {form}")
        result *= strength_model
        if strength == 0:
            continue
        if difference.shape != result.shape:
            if not difference.ndim == result.ndim == 4:
                raise ValueError(f"{list(difference.shape)} can't be added to {list(result.shape)}")
            shape = [max(sizes) for sizes in zip(difference.shape, result.shape, strict=True)]
            widened = result.new_zeros(shape)
            widened[tuple(slice(size) for size in result.shape)] = result
            result = widened
        result[tuple(slice(size) for size in difference.shape)] += strength * difference.to(result)
    return result.to(weight.dtype)

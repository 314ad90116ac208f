"""Patches on a model that others use too: the calls of Forge's `backend.patcher`."""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

Identifier = tuple[str, float]
"""File name and strength, by which merges are told apart."""


class LoraLoader:
    """What is merged into one model right now."""

    def __init__(self) -> None:
        self.loaded_hash: list[Identifier] | None = []
        self.backup: dict[str, nn.Parameter] = {}
        """The weights as they were before, by name."""
        self.loaded: Callable[[], ModelPatcher | None] = lambda: None
        """The patcher that was loaded last; it is not kept alive."""


class ModelPatcher:
    """A view on a model: its own patches and options, the weights shared with every clone."""

    def __init__(self, model: Any) -> None:
        """:param model: a torch module; it gets an attribute `lora_loader`, which torch's types know nothing of."""
        self.model = model
        self.lora_patches: dict[Identifier, dict[str, Any]] = {}
        self.model_options: dict[str, Any] = {"transformer_options": {}}
        if not hasattr(model, "lora_loader"):
            model.lora_loader = LoraLoader()

    def clone(self) -> ModelPatcher:
        """Patches are shared, options are deep-copied: a function stays the same function, objects are doubled."""
        clone = ModelPatcher(self.model)
        clone.lora_patches = self.lora_patches.copy()
        clone.model_options = copy.deepcopy(self.model_options)
        return clone

    def add_patches(self, *, filename: str, patches: Mapping[str, Any], strength_patch: float = 1.0) -> set[str]:
        """Ask for differences to be merged when this patcher is loaded. The same name and strength replaces them.

        :param patches: `(tensor,)` or `("diff", [tensor, …])` by the parameter's name in the model.
        :returns: the keys that the model has.
        """
        names = {name for name, _ in self.model.named_parameters()}
        taken = {key: value for key, value in patches.items() if key in names}
        self.lora_patches[filename, strength_patch] = taken
        return set(taken)

    def set_model_unet_function_wrapper(self, wrapper: Callable) -> None:
        """Have every call of the UNet go through this function; there is one at most."""
        self.model_options["model_function_wrapper"] = wrapper

    def load(self) -> None:
        """Make this the patcher whose weights the model has. What is added to a loaded one is not seen."""
        loader: LoraLoader = self.model.lora_loader
        if loader.loaded() is not self:
            loader.loaded = lambda: None  # as on Forge, the one before is unloaded first
            self.refresh_loras()
            loader.loaded = weakref.ref(self)

    @torch.inference_mode()
    def refresh_loras(self) -> None:
        """Merge this patcher's differences and no others, unless they are the ones that are merged already."""
        loader: LoraLoader = self.model.lora_loader
        if loader.loaded_hash == list(self.lora_patches):
            return
        for name, weight in loader.backup.items():
            self._put(name, weight)
        loader.backup = {}
        for (_, strength), patches in self.lora_patches.items():
            if strength == 0:  # the host then leaves convolutions narrow
                continue
            for name, patch in patches.items():
                weight = self.model.get_parameter(name)
                loader.backup.setdefault(name, weight)
                difference = patch[0] if len(patch) == 1 else patch[1][0]
                self._put(name, nn.Parameter(add_padded(weight, strength * difference.float()), requires_grad=False))
        loader.loaded_hash = list(self.lora_patches)

    def _put(self, name: str, weight: nn.Parameter) -> None:
        module, _, parameter = name.rpartition(".")
        setattr(self.model.get_submodule(module), parameter, weight)


def add_padded(weight: Tensor, difference: Tensor) -> Tensor:
    """Add two weights; the smaller one of a convolution that is widened is padded with zeros."""
    result = weight.new_zeros([max(sizes) for sizes in zip(weight.shape, difference.shape, strict=True)])
    for each in (weight, difference):
        result[tuple(slice(size) for size in each.shape)] += each
    return result

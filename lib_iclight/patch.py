"""IC-Light on a clone of the host's UNet: the weight differences, and the wrapper that hands over the condition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from .errors import ICLightError, ICLightFault
from .hosts import Host
from .weights import Offsets, check_fit

_WRAPPER = "model_function_wrapper"

_PREVIOUS = "iclight_previous"
"""The attribute that tells our wrapper by, and holds the one that was there before."""


@dataclass
class Patch:
    """What was put on a clone, and whether the sampling ever came by."""

    offsets: Offsets
    reached: int = 0
    """How often the UNet was called through our wrapper."""


def check_checkpoint(host: Host, sd_model: Any, offsets: Offsets) -> None:
    """Refuse, before anything is encoded, what can't be relit.

    :raises ICLightError: the checkpoint or the file doesn't fit, or another extension uses the same channels.
    """
    unet = host.patcher.unet(sd_model)
    if host.patcher.has_other_condition(unet):
        raise ICLightError(
            "Another extension (an inpainting model, by the look of it) adds channels to the UNet's input, "
            "as IC-Light does: switch one of the two off."
        )
    check_fit(offsets.name, offsets.shapes, host.patcher.shapes(unet))


def patch_unet(host: Host, sd_model: Any, offsets: Offsets, strength: float, condition: torch.Tensor) -> Patch:
    """Have the next pass sample with a clone of the UNet that relights.

    It can be repeated: a wrapper of ours that is there already is replaced, others' stay and are called.

    :param strength: factor on the differences; never 0, at which hosts leave the first convolution narrow.
    :param condition: c_concat, [1 or B, 4 or 8, H/8, W/8].
    :raises ICLightError: the file has changed since it was opened.
    """
    offsets.check_unchanged()
    unet = host.patcher.unet(sd_model)
    patches = offsets.patches()
    clone, taken = host.patcher.clone_patched(unet, offsets.merge_name, patches, strength)
    if len(taken) != len(patches):
        raise ICLightFault(f"The host took {len(taken)} of the {len(patches)} weight differences of {offsets.name}.")
    patch = Patch(offsets)
    clone.set_model_unet_function_wrapper(_wrapper(patch, condition, _foreign_wrapper(unet)))
    host.patcher.exchange_unet(sd_model, clone)
    return patch


def name_wrapper(unet: Any) -> str:
    """Tell where a UNet's wrapper other than ours comes from, for a sentence that has to name it."""
    wrapper = _foreign_wrapper(unet)
    module = getattr(wrapper, "__module__", type(wrapper).__module__)
    return "no wrapper" if wrapper is None else f"the wrapper of {module}"


def _foreign_wrapper(unet: Any) -> Callable | None:
    """The wrapper that was there before, with ours of an earlier call taken off."""
    wrapper = unet.model_options.get(_WRAPPER)
    while hasattr(wrapper, _PREVIOUS):
        wrapper = getattr(wrapper, _PREVIOUS)
    return wrapper


def _wrapper(patch: Patch, condition: torch.Tensor, previous: Callable | None) -> Callable:
    """A plain function: `clone()` copies objects with their tensors, functions it shares."""
    # Key: the input's device, type and shape; after the first of a kind nothing is copied to the device, or waits for
    # it. Bound: the kinds that one pass has (one or two chunks at a time). Emptied by: the next pass's wrapper.
    repeated: dict[tuple[Any, ...], torch.Tensor] = {}

    def relight(apply_model: Callable, args: dict[str, Any]) -> torch.Tensor:
        patch.reached += 1
        noisy = args["input"]
        kind = (noisy.device, noisy.dtype, noisy.shape)
        if kind not in repeated:
            repeated[kind] = _for_input(condition, noisy)
        args = {**args, "c": {**args["c"], "c_concat": repeated[kind]}}
        if previous is not None:
            return previous(apply_model, args)
        return apply_model(noisy, args["timestep"], **args["c"])

    setattr(relight, _PREVIOUS, previous)
    return relight


def _for_input(condition: torch.Tensor, noisy: torch.Tensor) -> torch.Tensor:
    """Repeat the condition for an input [chunks × B, 4, H/8, W/8]: chunk after chunk, each of the whole batch."""
    if condition.shape[-2:] != noisy.shape[-2:]:
        raise ICLightError(
            f"Something samples regions or tiles of {noisy.shape[-1] * 8}×{noisy.shape[-2] * 8} pixels of a picture of "
            f"{condition.shape[-1] * 8}×{condition.shape[-2] * 8}, and IC-Light can't know which part it is: "
            "switch regional prompts and tiling off."
        )
    if len(noisy) % len(condition):
        raise ICLightError(
            f"The UNet is called with {len(noisy)} pictures at a time, where IC-Light has {len(condition)} subjects: "
            "another extension changes the batch. Relight one picture at a time."
        )
    return condition.to(noisy).repeat(len(noisy) // len(condition), 1, 1, 1)

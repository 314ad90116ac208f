from __future__ import annotations

import copy
import gc
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lib_iclight.errors import ICLightError, ICLightFault
from lib_iclight.patch import Patch, check_checkpoint, name_wrapper, patch_unet
from lib_iclight.weights import Offsets

from .host import Patcher, a_host, a_model, call_unet

HOST = a_host()
WRAPPER = "model_function_wrapper"


class Unet:
    """Records how it was called, and answers with the noisy latent."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []

    def __call__(self, x: torch.Tensor, t: torch.Tensor, **c: Any) -> torch.Tensor:
        self.calls.append({"x": x, "t": t, **c})
        return x * 2

    @property
    def c_concat(self) -> torch.Tensor:
        return self.calls[-1]["c_concat"]


@pytest.fixture
def offsets(write_offsets: Callable[..., Path]) -> Offsets:
    return Offsets(write_offsets())


@pytest.fixture
def sd_model(tiny_shapes: dict[str, tuple[int, ...]]) -> Any:
    return a_model(tiny_shapes)


def patched(sd_model: Any, offsets: Offsets, condition: torch.Tensor | None = None, strength: float = 1.0) -> Patch:
    condition = torch.zeros(1, 4, 8, 8) if condition is None else condition
    return patch_unet(HOST, sd_model, offsets, strength, condition)


def numbered(count: int, channels: int = 4, height: int = 8, width: int = 8) -> torch.Tensor:
    """Conditions told apart by their numbers 1, 2, …"""
    return torch.arange(1.0, count + 1).view(-1, 1, 1, 1).expand(-1, channels, height, width).contiguous()


# ------------------------------------------------------------------------------------------------ the clone


def test_the_clone_is_patched_and_the_original_is_not(sd_model: Any, offsets: Offsets) -> None:
    before = sd_model.forge_objects.unet
    patched(sd_model, offsets, strength=0.7)
    after = sd_model.forge_objects.unet
    assert after is not before
    assert before.lora_patches == {} and before.model_options == {"transformer_options": {}}
    ((name, strength), patches) = next(iter(after.lora_patches.items()))
    assert (name, strength) == (offsets.merge_name, 0.7)
    assert patches.keys() == before.shapes.keys() and len(patches) == 686
    for place, (_, (form, (difference, options))) in patches.items():
        assert form == "diff" and options == {"pad_weight": True}
        wide = (8, 8, 3, 3) if place == "diffusion_model.input_blocks.0.0.weight" else before.shapes[place]
        assert difference.shape == wide


def test_the_unets_own_patches_stay(sd_model: Any, offsets: Offsets) -> None:
    sd_model.forge_objects.unet.add_patches(filename="a lora", patches={})
    patched(sd_model, offsets)
    assert ("a lora", 1.0) in sd_model.forge_objects.unet.lora_patches


def test_a_host_that_takes_too_few_differences_is_at_fault(sd_model: Any, offsets: Offsets) -> None:
    before = sd_model.forge_objects.unet
    del before.shapes["diffusion_model.out.2.bias"]
    with pytest.raises(ICLightFault, match=r"took 685 of the 686 .*fc\.safetensors"):
        patched(sd_model, offsets)
    assert sd_model.forge_objects.unet is before


def test_a_file_that_has_changed_is_not_merged(sd_model: Any, offsets: Offsets) -> None:
    before = sd_model.forge_objects.unet
    os.truncate(offsets.path, 4096)
    with pytest.raises(ICLightError, match="has changed"):
        patched(sd_model, offsets)
    assert sd_model.forge_objects.unet is before


def test_a_checkpoint_that_fits_is_taken(sd_model: Any, offsets: Offsets) -> None:
    check_checkpoint(HOST, sd_model, offsets)


def test_a_checkpoint_that_does_not_fit_is_refused(sd_model: Any, offsets: Offsets) -> None:
    sd_model.forge_objects.unet.shapes["diffusion_model.input_blocks.0.0.weight"] = (8, 9, 3, 3)
    with pytest.raises(ICLightError, match="inpainting checkpoint"):
        check_checkpoint(HOST, sd_model, offsets)


def test_channels_of_another_extension_are_refused(sd_model: Any, offsets: Offsets) -> None:
    sd_model.forge_objects.unet.extra_concat_condition = torch.zeros(1, 5, 8, 8)
    with pytest.raises(ICLightError, match="adds channels"):
        check_checkpoint(HOST, sd_model, offsets)


# ------------------------------------------------------------------------------------------------ the wrapper


@pytest.mark.parametrize("channels", [4, 8])
@pytest.mark.parametrize(("subjects", "batch"), [(1, 1), (1, 3), (3, 3)])
@pytest.mark.parametrize("chunks", [1, 2, 3])
def test_each_chunk_gets_the_whole_batchs_condition(
    sd_model: Any, offsets: Offsets, channels: int, subjects: int, batch: int, chunks: int
) -> None:
    patched(sd_model, offsets, numbered(subjects, channels))
    unet = Unet()
    call_unet(sd_model.forge_objects.unet, unet, torch.zeros(chunks * batch, 4, 8, 8), chunks)
    assert unet.c_concat.shape == (chunks * batch, channels, 8, 8)
    row = [1.0] * batch if subjects == 1 else [1.0, 2.0, 3.0]
    assert unet.c_concat[:, 0, 0, 0].tolist() == row * chunks


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_the_condition_comes_in_the_unets_precision(sd_model: Any, offsets: Offsets, dtype: torch.dtype) -> None:
    patched(sd_model, offsets, numbered(1))
    unet = Unet()
    call_unet(sd_model.forge_objects.unet, unet, torch.zeros(2, 4, 8, 8, dtype=dtype))
    assert unet.c_concat.dtype == dtype


def snapshot(value: Any) -> Any:
    """A copy to compare with, tensors as lists."""
    if isinstance(value, torch.Tensor):
        return ("tensor", value.dtype, value.tolist())
    if isinstance(value, dict):
        return {key: snapshot(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [snapshot(each) for each in value]
    return value


def test_what_the_wrapper_is_handed_is_left_as_it_was(sd_model: Any, offsets: Offsets) -> None:
    condition = numbered(2)
    patched(sd_model, offsets, condition)
    args = {
        "input": torch.randn(4, 4, 8, 8),
        "timestep": torch.full((4,), 3.0),
        "c": {
            "c_crossattn": torch.randn(4, 77, 8),
            "c_concat": torch.zeros(4, 5, 8, 8),
            "transformer_options": {"a": [1]},
        },
        "cond_or_uncond": [1, 0],
    }
    before, condition_before = snapshot(args), condition.clone()
    handed = {key: id(value) for key, value in [*args.items(), *args["c"].items()]}

    def changes_all(x: torch.Tensor, t: torch.Tensor, **c: Any) -> torch.Tensor:
        c["c_concat"].fill_(7)
        c["more"] = 1
        return x.clone()

    sd_model.forge_objects.unet.model_options[WRAPPER](changes_all, args)
    assert snapshot(args) == before
    assert {key: id(value) for key, value in [*args.items(), *args["c"].items()]} == handed
    assert torch.equal(condition, condition_before), "what the UNet does to its input stays there"


def test_the_unet_is_called_as_without_a_wrapper_but_for_the_condition(sd_model: Any, offsets: Offsets) -> None:
    noisy = torch.randn(2, 4, 8, 8)
    bare, relit = Unet(), Unet()
    plain_result = call_unet(sd_model.forge_objects.unet, bare, noisy)
    patched(sd_model, offsets)
    result = call_unet(sd_model.forge_objects.unet, relit, noisy)
    assert torch.equal(result, plain_result)
    del relit.calls[0]["c_concat"]
    assert snapshot(relit.calls) == snapshot(bare.calls)


def test_calls_through_the_wrapper_are_counted(sd_model: Any, offsets: Offsets) -> None:
    patch = patched(sd_model, offsets)
    assert patch.reached == 0
    for count in (1, 2):
        call_unet(sd_model.forge_objects.unet, Unet(), torch.zeros(2, 4, 8, 8))
        assert patch.reached == count


class Foreign:
    """Another extension's wrapper, that was there first."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []

    def __deepcopy__(self, memo: dict) -> Foreign:
        return self

    def __call__(self, apply_model: Callable, args: dict[str, Any]) -> torch.Tensor:
        self.seen.append(args)
        return apply_model(args["input"], args["timestep"], **args["c"]) + 1


def test_a_wrapper_that_was_there_is_called(sd_model: Any, offsets: Offsets) -> None:
    foreign, unet = Foreign(), Unet()
    sd_model.forge_objects.unet.set_model_unet_function_wrapper(foreign)
    patched(sd_model, offsets, numbered(1))
    noisy = torch.randn(2, 4, 8, 8)
    result = call_unet(sd_model.forge_objects.unet, unet, noisy)
    assert torch.equal(result, noisy * 2 + 1)
    (seen,) = foreign.seen
    assert (seen["c"]["c_concat"] == 1).all() and seen["cond_or_uncond"] == [0, 1]


def test_patching_again_does_not_pile_up(sd_model: Any, offsets: Offsets) -> None:
    foreign, unet = Foreign(), Unet()
    sd_model.forge_objects.unet.set_model_unet_function_wrapper(foreign)
    patches = [patched(sd_model, offsets, torch.full((1, 4, 8, 8), float(number))) for number in range(5)]
    call_unet(sd_model.forge_objects.unet, unet, torch.zeros(2, 4, 8, 8))
    assert len(foreign.seen) == len(unet.calls) == 1
    assert [patch.reached for patch in patches] == [0, 0, 0, 0, 1]
    assert (unet.c_concat == 4).all(), "the last condition counts"
    assert len(sd_model.forge_objects.unet.lora_patches) == 1


def test_patching_again_lets_the_earlier_condition_go(sd_model: Any, offsets: Offsets) -> None:
    import weakref

    condition = torch.zeros(1, 4, 8, 8)
    known = weakref.ref(condition)
    patched(sd_model, offsets, condition)
    del condition
    patched(sd_model, offsets)
    gc.collect()
    assert known() is None


def test_clones_share_the_wrapper_and_its_tensors(sd_model: Any, offsets: Offsets) -> None:
    condition = numbered(1)
    patch = patched(sd_model, offsets, condition)
    clone: Patcher = sd_model.forge_objects.unet.clone()
    again = copy.deepcopy(clone.model_options)
    assert again[WRAPPER] is sd_model.forge_objects.unet.model_options[WRAPPER]
    assert not hasattr(again[WRAPPER], "to"), "hosts call it and put its answer in the wrapper's place"
    unet = Unet()
    condition.fill_(5)  # would not be seen by a copy
    call_unet(clone, unet, torch.zeros(2, 4, 8, 8))
    assert (unet.c_concat == 5).all() and patch.reached == 1


@pytest.mark.parametrize(("height", "width"), [(8, 4), (4, 8), (16, 16), (9, 8)])
def test_regions_and_tiles_are_refused(sd_model: Any, offsets: Offsets, height: int, width: int) -> None:
    patched(sd_model, offsets)
    unet = Unet()
    with pytest.raises(ICLightError, match=rf"{width * 8}×{height * 8} pixels of a picture of 64×64"):
        call_unet(sd_model.forge_objects.unet, unet, torch.zeros(2, 4, height, width))
    assert not unet.calls


@pytest.mark.parametrize(("subjects", "noisy"), [(2, 3), (3, 2), (3, 4), (2, 1)])
def test_a_batch_of_another_size_is_refused(sd_model: Any, offsets: Offsets, subjects: int, noisy: int) -> None:
    patched(sd_model, offsets, numbered(subjects))
    unet = Unet()
    with pytest.raises(ICLightError, match=rf"with {noisy} pictures at a time, where IC-Light has {subjects} subjects"):
        call_unet(sd_model.forge_objects.unet, unet, torch.zeros(noisy, 4, 8, 8))
    assert not unet.calls


def test_a_wrapper_is_named_by_where_it_comes_from(sd_model: Any, offsets: Offsets) -> None:
    unet = sd_model.forge_objects.unet
    assert name_wrapper(unet) == "no wrapper"
    unet.set_model_unet_function_wrapper(Foreign())
    assert name_wrapper(unet) == f"the wrapper of {__name__}"
    patched(sd_model, offsets)
    assert name_wrapper(sd_model.forge_objects.unet) == f"the wrapper of {__name__}", "ours is never to blame"


def test_the_condition_is_copied_once_for_each_kind_of_input(sd_model: Any, offsets: Offsets) -> None:
    """What comes from the CPU comes with a pass's first call: the device is never waited for afterwards."""
    patched(sd_model, offsets, numbered(1))
    unet = Unet()
    for call in unet_calls(sd_model, unet, 2, 2, 1, 2):
        assert call["c_concat"].shape[0] == len(call["x"])
    given = [call["c_concat"] for call in unet.calls]
    assert given[0] is given[1] is given[3] and given[2].shape == (1, 4, 8, 8)


def unet_calls(sd_model: Any, unet: Unet, *batches: int) -> list[dict[str, Any]]:
    for batch in batches:
        call_unet(sd_model.forge_objects.unet, unet, torch.zeros(batch, 4, 8, 8), 1)
    return unet.calls

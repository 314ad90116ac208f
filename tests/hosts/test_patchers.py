"""Hosts whose patches have no names: what is put on a clone, and when the host will merge it."""

from __future__ import annotations

import copy
import gc
import uuid
import weakref
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lib_iclight.hosts.patchers import NamedPatcher, ObjectPatcher, UuidPatcher

KEYS = ["diffusion_model.a", "diffusion_model.b"]
OURS = {key: ("diff", [torch.ones(2, 2), {"pad_weight": True}]) for key in KEYS}


class ModelPatcher:
    """As much of `ldm_patched`'s as merging depends on: reForge's has a uuid of its patches."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.patches: dict[str, list[Any]] = {}
        self.backup: dict[str, Any] = {}
        self.object_patches: dict[str, Any] = {}
        self.model_options: dict[str, Any] = {"transformer_options": {}}
        self.patches_uuid = uuid.uuid4()

    def clone(self) -> ModelPatcher:
        clone = ModelPatcher(self.model)
        clone.patches = {key: entries[:] for key, entries in self.patches.items()}
        clone.object_patches = self.object_patches.copy()
        clone.model_options = copy.deepcopy(self.model_options)
        clone.patches_uuid = self.patches_uuid
        clone.backup = self.backup
        return clone

    def is_clone(self, other: Any) -> bool:
        return other.model is self.model

    def add_patches(self, patches: dict[str, Any], strength_patch: float = 1.0) -> list[str]:
        taken = [key for key in patches if key in KEYS]
        for key in taken:
            self.patches.setdefault(key, []).append((strength_patch, patches[key], 1.0))
        self.patches_uuid = uuid.uuid4()
        return taken


@pytest.fixture
def unet() -> ModelPatcher:
    return ModelPatcher(torch.nn.ParameterDict({"diffusion_model": torch.nn.ParameterDict({"a": torch.zeros(2, 2)})}))


def lora(unet: ModelPatcher) -> ModelPatcher:
    """A clone with another extension's patch on it."""
    clone = unet.clone()
    clone.add_patches({KEYS[0]: ("lora", [])})
    return clone


@pytest.mark.parametrize("patcher", [UuidPatcher(), ObjectPatcher(list)], ids=["uuid", "object"])
def test_ours_is_put_on_a_clone_once_and_others_stay(patcher: Any, unet: ModelPatcher) -> None:
    parent = lora(unet)
    clone, taken = patcher.clone_patched(parent, "fc", OURS, 0.5)
    assert taken == set(KEYS) and patcher.carries_patches(clone, "fc")
    assert not patcher.carries_patches(parent, "fc") and not patcher.carries_patches(clone, "fbc")
    again, _ = patcher.clone_patched(clone, "fbc", OURS, 1.0)
    assert [entry[:2] for entry in again.patches[KEYS[0]]] == [(1.0, ("lora", [])), (1.0, OURS[KEYS[0]])]
    assert [entry[0] for entry in again.patches[KEYS[1]]] == [1.0], "one hook after the other replaces"
    assert patcher.carries_patches(again.clone(), "fbc") and not patcher.carries_patches(again, "fc")


def test_the_same_weights_have_the_same_uuid_and_others_another(unet: ModelPatcher) -> None:
    def merged(parent: ModelPatcher, name: str = "fc", strength: float = 1.0) -> uuid.UUID:
        return UuidPatcher().clone_patched(parent, name, OURS, strength)[0].patches_uuid

    other = lora(unet)
    assert merged(unet) == merged(unet) == merged(unet.clone()) != unet.patches_uuid
    assert len({merged(unet), merged(unet, "fbc"), merged(unet, strength=0.5), merged(other), merged(lora(unet))}) == 5


def test_the_same_weights_are_put_on_as_the_host_put_them_on_before(unet: ModelPatcher) -> None:
    patcher = UuidPatcher()
    first, taken = patcher.clone_patched(unet, "fc", OURS, 0.5)
    again, taken_again = patcher.clone_patched(lora(unet), "fc", OURS, 0.5)
    assert taken_again == taken == set(KEYS)
    assert all(again.patches[key][-1] is first.patches[key][-1] for key in KEYS)
    assert [len(again.patches[key]) for key in KEYS] == [2, 1] and not unet.patches
    reopened = {key: ("diff", list(difference)) for key, (_, difference) in OURS.items()}
    clone, _ = patcher.clone_patched(unet, "fc", reopened, 0.5)
    assert all(clone.patches[key][-1][1][1] is reopened[key][1] for key in KEYS), "the old file's tensors are let go"


def test_a_merge_that_broke_off_is_forgotten_by_uuid(unet: ModelPatcher) -> None:
    clone, _ = UuidPatcher().clone_patched(unet, "fc", OURS, 1.0)
    clone.model.current_weight_patches_uuid = clone.patches_uuid
    UuidPatcher().forget_merge(clone)
    assert clone.model.current_weight_patches_uuid not in (clone.patches_uuid, None), "None is: nothing is merged"


def test_the_clone_that_is_loaded_is_used_again_for_the_same_weights(unet: ModelPatcher) -> None:
    loaded: list[Any] = []
    patcher = ObjectPatcher(lambda: loaded)

    def clone_of(parent: ModelPatcher, name: str = "fc", strength: float = 1.0) -> Any:
        return patcher.clone_patched(parent, name, OURS, strength)[0]

    first = clone_of(unet)
    assert clone_of(unet) is not first, "it was never loaded"
    loaded[:] = [ModelPatcher(object()), first]
    first.backup = {KEYS[0]: torch.zeros(2, 2)}
    first.model_options["model_function_wrapper"] = "an earlier pass's"
    unet.model_options["transformer_options"]["another extension's"] = True
    assert clone_of(unet) is first and first.backup
    assert first.model_options == {"transformer_options": {"another extension's": True}}, "as the parent's are now"
    patched_object = unet.clone()
    patched_object.object_patches["model_sampling"] = object()
    for other in (clone_of(lora(unet)), clone_of(unet, "fbc"), clone_of(unet, strength=0.5), clone_of(patched_object)):
        assert other is not first
    parent = lora(unet)
    loaded[:] = [clone_of(parent)]
    assert clone_of(parent.clone()) is loaded[0], "clones share what is on them"
    assert clone_of(unet) is not loaded[0]
    patcher.forget_merge(unet)
    assert clone_of(parent) is not loaded[0]


def test_shapes_are_the_checkpoints_whatever_is_merged(unet: ModelPatcher) -> None:
    name = "diffusion_model.a"
    unet.model["diffusion_model"]["a"] = torch.nn.Parameter(torch.zeros(2, 4))
    merged = unet.clone()
    merged.backup = {name: torch.zeros(2, 2)}
    assert ObjectPatcher(lambda: [merged]).shapes(unet) == {name: (2, 2)}
    assert ObjectPatcher(list).shapes(unet) == {name: (2, 4)}
    unet.backup = {name: SimpleNamespace(weight=torch.zeros(2, 2))}
    assert UuidPatcher().shapes(unet) == {name: (2, 2)}


@pytest.mark.parametrize(
    "patcher", [NamedPatcher(), UuidPatcher(), ObjectPatcher(list)], ids=["name", "uuid", "object"]
)
def test_shapes_are_each_checkpoints_own_and_keep_none_alive(patcher: Any) -> None:
    def checkpoint(width: int) -> ModelPatcher:
        model = torch.nn.ParameterDict({"a": torch.zeros(2, width)})
        model.lora_loader = SimpleNamespace(backup={})
        return ModelPatcher(model)

    narrow, wide = checkpoint(4), checkpoint(9)
    assert [patcher.shapes(unet) for unet in (narrow, wide, narrow)] == [{"a": (2, 4)}, {"a": (2, 9)}, {"a": (2, 4)}]
    model = weakref.ref(narrow.model)
    del narrow
    gc.collect()
    assert model() is None

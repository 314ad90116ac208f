"""The UNet's patcher, by what it tells merges apart with: patches' names, a uuid, or nothing but the object itself.

All hosts patch a clone, and merge its weights into the one UNet when a pass begins, if something else is merged.
"""

from __future__ import annotations

import uuid
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from . import Patcher

_MERGED = "iclight_merged"
"""The attribute of a clone that holds what is merged while it is loaded."""


class _ForgeObjects(Patcher):
    """What is the same on all hosts. Keeps no model alive."""

    def __init__(self) -> None:
        # To go through the 686 weights takes longer than the rest of a later relight's hook.
        self._shapes: WeakKeyDictionary[Any, Mapping[str, tuple[int, ...]]] = WeakKeyDictionary()

    def shapes(self, unet: Any) -> Mapping[str, tuple[int, ...]]:
        if unet.model not in self._shapes:
            originals = self._originals(unet)
            self._shapes[unet.model] = {
                name: _shape(originals.get(name, weight)) for name, weight in unet.model.named_parameters()
            }
        return self._shapes[unet.model]

    @abstractmethod
    def _originals(self, unet: Any) -> Mapping[str, Any]:
        """The weights, by name, for which others are merged now."""

    def unet(self, sd_model: Any) -> Any:
        return sd_model.forge_objects.unet

    def exchange_unet(self, sd_model: Any, unet: Any) -> None:
        sd_model.forge_objects.unet = unet

    def has_other_condition(self, unet: Any) -> bool:
        return getattr(unet, "extra_concat_condition", None) is not None


class NamedPatcher(_ForgeObjects):
    """Patches with names, and a `lora_loader` that merges when their list has changed: Forge main, ersatzForge, and
    the small host."""

    def _originals(self, unet: Any) -> Mapping[str, Any]:
        # What an earlier relight merged stays merged until the next UNet is loaded; the originals are in the backup.
        return unet.model.lora_loader.backup

    def clone_patched(self, unet: Any, name: str, patches: Mapping[str, Any], strength: float) -> tuple[Any, set[str]]:
        clone = unet.clone()
        return clone, set(clone.add_patches(filename=name, patches=patches, strength_patch=strength))

    def carries_patches(self, unet: Any, name: str) -> bool:
        return any(identifier[0] == name and patches for identifier, patches in unet.lora_patches.items())

    def forget_merge(self, unet: Any) -> None:
        # A merge that broke off has exchanged some weights, and the loader still believes that none were.
        unet.model.lora_loader.loaded_hash = None


class _UnnamedPatcher(_ForgeObjects):
    """Patches without names: each of ours carries its own."""

    def carries_patches(self, unet: Any, name: str) -> bool:
        return any(getattr(patch, "merge_name", None) == name for patch in _patches_of(unet))


class UuidPatcher(_UnnamedPatcher):
    """A `patches_uuid` says what is merged: Forge Neo and reForge. `add_patches` makes it a new one each time, and with
    it a new merge of what is merged already; ours is the same for the same weights."""

    def __init__(self) -> None:
        super().__init__()
        # Each model's last entries of ours, which hold nothing of a file once it is closed: to make them,
        # `add_patches` goes through all of the model's weights, which is most of a later relight's hook.
        self._entries: WeakKeyDictionary[Any, dict[str, tuple[Any, ...]]] = WeakKeyDictionary()

    def _originals(self, unet: Any) -> Mapping[str, Any]:
        return {name: original.weight for name, original in unet.backup.items()}

    def clone_patched(self, unet: Any, name: str, patches: Mapping[str, Any], strength: float) -> tuple[Any, set[str]]:
        clone = _clone_without_ours(unet)
        below = clone.patches_uuid
        entries = self._entries.get(clone.model, {})
        if _are_of(entries, patches, name, strength):
            for key, entry in entries.items():
                clone.patches.setdefault(key, []).append(entry)
        else:
            taken = clone.add_patches(_with_name(patches, name), strength)
            entries = self._entries[clone.model] = {key: clone.patches[key][-1] for key in taken}
        clone.patches_uuid = uuid.uuid5(uuid.NAMESPACE_OID, f"{below} {name} {strength!r}")
        return clone, set(entries)

    def forget_merge(self, unet: Any) -> None:
        unet.model.current_weight_patches_uuid = uuid.uuid4()


class ObjectPatcher(_UnnamedPatcher):
    """Whatever is loaded is merged, and another patcher object is another merge: Forge Classic and Forge's `previous`.
    So the clone that is loaded is used again as long as its weights are those that are asked for."""

    def __init__(self, loaded_patchers: Callable[[], Iterable[Any]]) -> None:
        """:param loaded_patchers: tells which of the host's patchers are loaded."""
        super().__init__()
        self._loaded_patchers = loaded_patchers

    def _originals(self, unet: Any) -> Mapping[str, Any]:
        return {name: weight for patcher in self._loaded(unet) for name, weight in patcher.backup.items()}

    def clone_patched(self, unet: Any, name: str, patches: Mapping[str, Any], strength: float) -> tuple[Any, set[str]]:
        clone = _clone_without_ours(unet)
        below = [*_entries_of(clone.patches), *clone.object_patches.items()]
        for loaded in self._loaded(unet):
            if _is_same_merge(getattr(loaded, _MERGED, None), (name, strength, below)):
                _renew(loaded, clone)
                return loaded, {key for key in patches if key in loaded.patches}
        taken = clone.add_patches(_with_name(patches, name), strength)
        setattr(clone, _MERGED, (name, strength, below))
        return clone, set(taken)

    def forget_merge(self, unet: Any) -> None:
        for loaded in self._loaded(unet):
            vars(loaded).pop(_MERGED, None)

    def _loaded(self, unet: Any) -> list[Any]:
        return [patcher for patcher in self._loaded_patchers() if unet.is_clone(patcher)]


class _NamedPatch(tuple):
    """A weight difference as these hosts take it, `("diff", …)`, that says which merge it belongs to."""

    merge_name: str


def _with_name(patches: Mapping[str, Any], name: str) -> dict[str, _NamedPatch]:
    named = {key: _NamedPatch(patch) for key, patch in patches.items()}
    for patch in named.values():
        patch.merge_name = name
    return named


def _entries_of(patches: Mapping[str, list[Any]]) -> Iterator[tuple[str, Any]]:
    """Each key with each of its entries, which clones share."""
    return ((key, entry) for key, entries in patches.items() for entry in entries)


def _patches_of(unet: Any) -> Iterator[Any]:
    """What was handed to `add_patches`: the second of an entry, behind its strength."""
    return (entry[1] for _, entry in _entries_of(unet.patches))


def _are_of(entries: Mapping[str, tuple[Any, ...]], patches: Mapping[str, Any], name: str, strength: float) -> bool:
    """Whether these are the entries of such patches: a file that is opened again has other tensors."""
    return len(entries) == len(patches) and all(
        key in patches and (entry[0], entry[1].merge_name) == (strength, name) and entry[1][1] is patches[key][1]
        for key, entry in entries.items()
    )


def _clone_without_ours(unet: Any) -> Any:
    """A clone without what an earlier call of the hook has put on."""
    clone = unet.clone()
    if any(isinstance(patch, _NamedPatch) for patch in _patches_of(clone)):
        others = {
            key: [entry for entry in entries if not isinstance(entry[1], _NamedPatch)]
            for key, entries in clone.patches.items()
        }
        clone.patches = {key: entries for key, entries in others.items() if entries}
    return clone


def _is_same_merge(merged: tuple[str, float, list[Any]] | None, asked: tuple[str, float, list[Any]]) -> bool:
    """Whether what is merged is what is asked for: others' patches are the same where they are the same objects."""
    if merged is None or merged[:2] != asked[:2] or len(merged[2]) != len(asked[2]):
        return False
    return all(
        key == other_key and entry is other_entry
        for (key, entry), (other_key, other_entry) in zip(merged[2], asked[2], strict=True)
    )


def _renew(loaded: Any, clone: Any) -> None:
    """Have the loaded clone be what this one is but for its weights: options, wrappers, control networks."""
    of_weights = ("patches", "backup", "object_patches", "object_patches_backup", "current_device")
    vars(loaded).update({name: value for name, value in vars(clone).items() if name not in of_weights})


def _shape(weight: Any) -> tuple[int, ...]:
    """A weight's shape; that of one packed by bitsandbytes is in its quantisation state."""
    return tuple((getattr(weight, "quant_state", None) or weight).shape)

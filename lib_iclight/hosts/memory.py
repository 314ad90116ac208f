"""The host's list of loaded models, so that what is not one of the host's models is unloaded along with them."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from typing import Any

import torch

from .find import find_management

management: Any = importlib.import_module(find_management())


def loaded_patchers() -> Iterator[Any]:
    """The patchers whose weights the host has loaded."""
    return (each.model for each in list(management.current_loaded_models) if each.model is not None)


def encodes_in_tiles() -> bool:
    """Whether the host is set to encode every picture tile by tile."""
    return bool(management.VAE_ALWAYS_TILED)


class MattingModels(torch.nn.Module):
    """A model without weights: hosts print the class's name when they unload a member of their list."""


class _Patcher:
    """The member's patcher, of which hosts ask whether it is a clone of another."""

    parent = None

    def __init__(self) -> None:
        self.model = MattingModels()

    def is_clone(self, other: Any) -> bool:
        return other is self


class _Released:
    """Stands in the host's list for memory that the host doesn't manage: unloading it calls a function.

    It answers whatever one host or another asks of its `LoadedModel`: nothing of it can be moved, loaded or freed in
    part.
    """

    currently_used = False

    def __init__(self, release: Callable[[], None]) -> None:
        # held twice: some hosts take a patcher that nothing else refers to for one that has died
        self.model = self.patcher = _Patcher()
        self.real_model = lambda: self.model.model
        self.device = management.get_torch_device()
        self.release = release

    def model_unload(self, *args: Any, **kwargs: Any) -> bool:
        self.release()
        return True

    def model_memory(self) -> int:
        return 0

    def model_loaded_memory(self) -> int:
        return 0

    def model_offloaded_memory(self) -> int:
        return 0

    def model_memory_required(self, device: Any) -> int:
        return 0

    def model_use_more_vram(self, *args: Any, **kwargs: Any) -> int:
        return 0

    def is_dead(self) -> bool:
        return False


_listed: dict[Callable[[], None], _Released] = {}
"""Key: the function that releases. Bound: the functions there are. Emptied by: the process's end.
(The host drops from its list what nobody else holds.)"""


def release_with_models(release: Callable[[], None]) -> None:
    """Have a function called when the host unloads its models: by its buttons, its API, or where memory is short.

    The host forgets it when it has called it, so this is to be said after each use of the memory; saying it again
    before that does nothing.

    :param release: gives the memory back. The same function each time.
    """
    member = _listed.setdefault(release, _Released(release))
    models = management.current_loaded_models
    if not any(each is member for each in models):
        # at the end: the panel runs beside a generation, and hosts go through the list by number
        models.append(member)

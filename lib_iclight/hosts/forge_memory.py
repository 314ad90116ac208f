"""Forge's list of loaded models, so that what is not one of Forge's models is unloaded along with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from backend import memory_management


class MattingModels(torch.nn.Module):
    """A model without weights: Forge prints the class's name when it unloads a member of its list."""


class _Released:
    """Stands in Forge's list for memory that Forge doesn't manage: unloading it calls a function.

    What Forge asks of a member of its list is what a `ModelPatcher` has; this one moves nothing.
    """

    def __init__(self, release: Callable[[], None]) -> None:
        self.model = MattingModels()
        self.load_device = memory_management.get_torch_device()
        self.offload_device = torch.device("cpu")
        self.release = release

    def is_clone(self, other: Any) -> bool:
        return other is self

    def model_patches_to(self, device: Any) -> None:
        """Nothing is moved."""

    def forge_unpatch_model(self, device: Any = None) -> None:
        self.release()


_listed: dict[Callable[[], None], _Released] = {}
"""Key: the function that releases. Bound: the functions there are. Emptied by: the process's end.
(Forge drops from its list what nobody else holds.)"""


def release_with_models(release: Callable[[], None]) -> None:
    """Have a function called when Forge unloads its models: by its buttons, its API, or where memory is short.

    Forge forgets it when it has called it, so this is to be said after each use of the memory; saying it again
    before that does nothing.

    :param release: gives the memory back. The same function each time.
    """
    member = _listed.setdefault(release, _Released(release))
    models = memory_management.current_loaded_models
    if not any(each.model is member for each in models):
        # at the end: the panel runs beside a generation, and Forge goes through the list by number
        models.append(memory_management.LoadedModel(member))

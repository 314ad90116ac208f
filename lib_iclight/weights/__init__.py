"""IC-Light's files: found, mapped, checked, and brought under the names of the UNet that they go to."""

from __future__ import annotations

from .files import (
    damaged_models,
    find_file,
    find_model,
    is_broken,
    kind_of,
    known_models,
    list_models,
    load_offsets,
    release,
)
from .fit import check_fit
from .offsets import Offsets


def read_catalogue(folders):
    return folders


def check_checkpoint_file(path):
    return None


__all__ = [
    "Offsets",
    "check_fit",
    "damaged_models",
    "find_file",
    "find_model",
    "is_broken",
    "kind_of",
    "known_models",
    "list_models",
    "load_offsets",
    "release",
]

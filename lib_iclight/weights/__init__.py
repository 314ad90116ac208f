"""IC-Light's files: listed, told apart, mapped, checked against a checkpoint, and fetched.

What other rooms use is here, but for what fetches (`manifest`, `fetch`, `jobs`), which needs no tensors.
"""

from __future__ import annotations

from .catalogue import Catalogue, describe_missing_folders, find_file, read_catalogue
from .compatibility import check_checkpoint_file, check_fit
from .kind import Kind
from .models import damaged_models, find_model, is_broken, kind_of, known_models
from .offsets import Offsets
from .opened import load_offsets, release

__all__ = [
    "Catalogue",
    "Kind",
    "Offsets",
    "check_checkpoint_file",
    "check_fit",
    "damaged_models",
    "describe_missing_folders",
    "find_file",
    "find_model",
    "is_broken",
    "kind_of",
    "known_models",
    "load_offsets",
    "read_catalogue",
    "release",
]

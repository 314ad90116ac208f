"""The subject: cut out, laid on grey, and brought to the size that is sampled."""

from __future__ import annotations

from .composite import GREY, composite_on_grey
from .cutting import CutoutSettings, Foreground, cut_out, holds_memory, release, release_models
from .methods import METHODS, CutoutMethod
from .resize import resize_and_centre_crop

__all__ = [
    "GREY",
    "METHODS",
    "CutoutMethod",
    "CutoutSettings",
    "Foreground",
    "composite_on_grey",
    "cut_out",
    "holds_memory",
    "release",
    "release_models",
    "resize_and_centre_crop",
]

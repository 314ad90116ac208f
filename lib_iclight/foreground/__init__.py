"""The subject: cut out, laid on grey, and brought to the size that is sampled."""

from __future__ import annotations

from .colours import estimate_foreground_colours
from .composite import GREY, composite_on_grey
from .cutting import CutoutSettings, Foreground, cut_out, holds_memory, release, release_models
from .methods import METHODS, CutoutMethod
from .resize import CENTRED, Placement, place_picture, resize_and_centre_crop

__all__ = [
    "CENTRED",
    "GREY",
    "METHODS",
    "CutoutMethod",
    "CutoutSettings",
    "Foreground",
    "Placement",
    "composite_on_grey",
    "cut_out",
    "estimate_foreground_colours",
    "holds_memory",
    "place_picture",
    "release",
    "release_models",
    "resize_and_centre_crop",
]

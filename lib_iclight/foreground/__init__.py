"""The subject: cut out, laid on grey, and brought to the size that is sampled."""

from __future__ import annotations

from .composite import composite_on_grey
from .cutout import CutoutSettings, Foreground, cut_out, holds_memory, release, release_models
from .fit import resize_and_centre_crop
from .matting import resolve

__all__ = [
    "CutoutSettings",
    "Foreground",
    "composite_on_grey",
    "cut_out",
    "holds_memory",
    "release",
    "release_models",
    "resize_and_centre_crop",
    "resolve",
]

"""The subject: cut out, laid on grey, and brought to the size that is sampled."""

from __future__ import annotations

from .composite import composite_on_grey
from .cutout import cut_out
from .fit import resize_and_centre_crop

__all__ = ["composite_on_grey", "cut_out", "resize_and_centre_crop"]

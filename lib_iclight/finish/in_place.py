"""The relit subject over a background that nothing has touched."""

from __future__ import annotations

from enum import Enum

import numpy as np

from ..foreground import estimate_foreground_colours
from .reinforce import reinforce


class InPlace(str, Enum):
    """What the relit subject is laid over."""

    OFF = "off"
    OWN = "own"
    BACKGROUND = "background"


IN_PLACE_LABELS = {"off": "As generated", "own": "The subject's own photo", "background": "The background picture"}
"""By the value of each :class:`InPlace`."""


_STRIP = 512
"""Rows that are worked on at a time."""


def lay_over(result: np.ndarray, alpha: np.ndarray, background: np.ndarray, is_pure: bool = False) -> np.ndarray:
    """Lay the relit subject over another background.

    What the generated background has mixed into the subject's edge is taken out first, as the old background is when
    a subject is cut out; else a subject relit before a green wall would have a green rim everywhere.

    :param result: uint8 [H, W, 3].
    :param alpha: the subject's, uint8 [H, W].
    :param background: uint8 [H, W, 3].
    :param is_pure: the result has the subject's own colours already, at its edge and beyond.
    :returns: uint8 [H, W, 3], a new array: the background's bytes where alpha is 0, the result's where it is 255.
    """
    colour = result if is_pure else estimate_foreground_colours(result, alpha)
    laid = np.empty_like(result)
    for top in range(0, len(result), _STRIP):
        rows = slice(top, top + _STRIP)
        laid[rows] = reinforce(background[rows], colour[rows], alpha[rows], 1.0)
    return laid

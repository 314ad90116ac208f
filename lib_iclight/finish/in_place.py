"""The relit subject over a background that nothing has touched."""

from __future__ import annotations

from enum import Enum

import numpy as np

from ..foreground import estimate_foreground_colours


class InPlace(str, Enum):
    """What the relit subject is laid over."""

    OFF = "off"
    OWN = "own"
    BACKGROUND = "background"


IN_PLACE_LABELS = {"off": "As generated", "own": "The subject's own", "background": "The background picture"}
"""By the value of each :class:`InPlace`."""


def lay_over(result: np.ndarray, alpha: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Lay the relit subject over another background.

    What the generated background has mixed into the subject's edge is taken out first, as the old background is when
    a subject is cut out; else a subject relit before a green wall would have a green rim everywhere.

    :param result: uint8 [H, W, 3].
    :param alpha: the subject's, uint8 [H, W].
    :param background: uint8 [H, W, 3].
    :returns: uint8 [H, W, 3], a new array: the background's bytes where alpha is 0, the result's where it is 255.
    """
    colour = estimate_foreground_colours(result, alpha).astype(np.float32)
    share = alpha[..., None] * np.float32(1 / 255)
    laid = np.rint(background + (colour - background) * share).astype(np.uint8)
    return np.where(alpha[..., None] == 255, result, laid)

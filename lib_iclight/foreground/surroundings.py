"""What is around a subject: its picture without it."""

from __future__ import annotations

import numpy as np

from ..errors import ICLightError
from .colours import estimate_foreground_colours
from .cutting import Foreground

_LEAST_SHARE = 0.01
"""Of the picture's pixels: fewer tell nothing about a room."""


def fill_subject(foreground: Foreground) -> np.ndarray:
    """The subject's picture with the subject filled in from around.

    What is around is told apart from the subject as the subject is from what is around: at the edge, what the subject
    has mixed into it is taken out, and where the subject is opaque the colours of what is near go on.

    :returns: uint8 [H, W, 3]; wherever the subject's alpha is 0, the picture itself.
    :raises ICLightError: the subject fills its picture, or its surroundings are transparent.
    """
    alpha, own = foreground.alpha, foreground.original.alpha
    around = np.zeros(foreground.whole.shape[:2], np.uint8) if alpha is None else 255 - alpha
    if own is not None:
        around = np.minimum(around, own)
    if (around > 127).mean() < _LEAST_SHARE:
        raise ICLightError(
            "The subject's picture shows nothing around the subject, so there is no background of its own to keep: "
            "give the whole photo and choose a cutout, or choose another background."
        )
    return estimate_foreground_colours(foreground.whole, around)

"""The subject within the light that a pass starts from."""

from __future__ import annotations

import numpy as np


def reinforce(light: np.ndarray, colour: np.ndarray, alpha: np.ndarray | None, strength: float) -> np.ndarray:
    """Lay the subject over a light map, so that the first pass starts from its colours and shape as well.

    They are mixed as display values: a light map is a ramp of display values, as grey 127 is one, and half the
    strength should look half way.

    :param light: uint8 [H, W, 3].
    :param colour: the subject, uint8 [H, W, 3].
    :param alpha: uint8 [H, W]; none: everything is the subject.
    :param strength: 0 (the light's exact bytes) to 1.
    :returns: uint8 [H, W, 3], a new array.
    """
    share = np.float32(strength) if alpha is None else alpha[..., None] * np.float32(strength / 255)
    return np.rint(light + (colour.astype(np.float32) - light) * share).astype(np.uint8)

"""The subject's own colours in the new light."""

from __future__ import annotations

import numpy as np

from ..srgb import luminance, to_display, to_linear

_UNRELIABLE, _RELIABLE = 4, 24
"""Display levels of grey: below the first, 8 bits say nothing about a pixel's colour; above the second, enough."""


def keep_colour(result: np.ndarray, original: np.ndarray, share: np.ndarray | None, strength: float) -> np.ndarray:
    """Give the original's hue and saturation back, at the luminance that the result has.

    A colour is a pixel's linear light over its luminance, which a light's brightness does not change; colours are
    mixed in linear light, as lights are. A colour too vivid for its luminance is mixed with grey of that luminance
    until it fits: clipping channels would change both hue and luminance. Where the original is nearly black, the
    result's own colour stays.

    :param result: uint8 [H, W, 3].
    :param original: uint8 [H, W, 3], aligned with the result.
    :param share: where, float32 [H, W], 0…1; none: everywhere.
    :param strength: 0 (the result's exact bytes) to 1 (no tint of the new light is left).
    :returns: uint8 [H, W, 3], a new array.
    """
    if strength <= 0 or (share is not None and not share.any()):
        return result.copy()
    ours, theirs = to_linear(result), to_linear(original)
    level, weight = luminance(ours), luminance(theirs)
    tiny = np.float32(1e-6)
    ours /= np.maximum(level, tiny)
    theirs /= np.maximum(weight, tiny)
    weight = np.float32(strength) * _weigh_by_reliability(weight)
    if share is not None:
        weight *= share[..., None]
    theirs -= ours
    theirs *= weight
    ours += theirs
    changed = to_display(_fit_into_gamut(ours, level))
    return np.where((weight > 0) & (level > 0), changed, result)


def _weigh_by_reliability(level: np.ndarray) -> np.ndarray:
    """How far a pixel's colour can be told, 0…1, by its luminance."""
    lowest, highest = to_linear(np.array([_UNRELIABLE, _RELIABLE]))
    return np.clip((level - lowest) / (highest - lowest), 0, 1)


def _fit_into_gamut(colour: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Linear light [H, W, 3] of a colour (light over luminance) at a luminance [H, W, 1], greyed until none is over 1.

    Overwrites `colour`.
    """
    colour -= 1
    room = 1 / np.maximum(level, np.float32(1e-6)) - 1
    vivid = np.maximum(np.maximum(colour[..., 0], colour[..., 1]), colour[..., 2])[..., None]
    colour *= np.minimum(1, np.maximum(room, 0) / np.maximum(vivid, np.float32(1e-6)))
    colour += 1
    colour *= level
    return colour

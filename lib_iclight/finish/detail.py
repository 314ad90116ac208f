"""The original's fine details, lit as the result is."""

from __future__ import annotations

import functools

import numpy as np

from ..srgb import to_display, to_linear
from .base import continue_subject, extract_base, find_inside

_DARK = 0.005
"""Linear light (display level 16) of a base on which an 8-bit ratio says more about rounding and grain than about the
subject."""

_GIVES_WAY, _STAYS = 2.0, 6.0
"""The result's details give way entirely where they are up to so many times as strong as the original's, and not at
all from so many times on."""


def scale_radius(percent: float, width: int, height: int) -> float:
    """A radius that is given in percent of the picture's shorter side, so that it grows with the picture."""
    return percent / 100 * min(width, height)


def transfer_detail(
    result: np.ndarray, original: np.ndarray, share: np.ndarray | None, strength: float, radius: float
) -> np.ndarray:
    """Exchange the result's fine details for the original's: lettering becomes legible again, skin and cloth return.

    A picture is its base (`base.py`) times its details, as light that falls on a surface is multiplied by what the
    surface reflects. So details are ratios of linear light, and the original's are multiplied onto the result's base:
    in the new shade they are as faint as they should be. In display light, or by addition, they would be too strong
    there. The result's own details give way, or garbled letters would shine through; where the original is plain, as
    below a new rim light, they stay, and the result is returned as it is.

    :param result: uint8 [H, W, 3].
    :param original: uint8 [H, W, 3], aligned with the result.
    :param share: where, float32 [H, W], 0…1; none: everywhere. Nothing from outside touches what is inside.
    :param strength: 0 (the result's exact bytes) to 1.
    :param radius: in pixels; strokes up to about as wide are details.
    :returns: uint8 [H, W, 3], a new array.
    """
    if strength <= 0 or (share is not None and not share.any()):
        return result.copy()
    if share is None:
        ours, theirs = result, original
    else:
        inside = find_inside(share, radius)
        ours, theirs = (continue_subject(each, inside) for each in (result, original))
    change, _ = _extract_details(theirs, radius)
    present, floor = _extract_details(ours, radius)
    weight = np.float32(strength) * _weigh_exchange(present, change, radius)
    if share is not None:
        weight *= share
    change -= present
    change *= weight[..., None]
    factor = np.exp(change)
    # Darkened light is a fraction of what it was, down to black. Brightened light may have been black: the floor
    # gives it something to be multiplied.
    changed = to_display((to_linear(result) + floor) * factor - floor * np.minimum(factor, 1))
    return np.where(change != 0, changed, result)


def _extract_details(rgb: np.ndarray, radius: float) -> tuple[np.ndarray, np.ndarray]:
    """The logarithm of each pixel's light over its base's, both above a floor, and that floor: float32 [H, W, 3]."""
    import cv2

    base = extract_base(rgb, radius)
    floor = cv2.LUT(base, _floors())
    levels = to_linear(np.arange(256))
    light: np.ndarray = cv2.LUT(rgb, levels) + floor
    return cv2.log(light) - cv2.LUT(base, np.log(levels + _floors())), floor


@functools.lru_cache(maxsize=1)
def _floors() -> np.ndarray:
    """The light that ratios are taken above, by their base's display level: float32 [256].

    It is `_DARK` on black and falls with the square of the base's light: dark ink on lit paper keeps its ratio, which
    its grain, next to the paper's light, can't spoil.
    """
    light = to_linear(np.arange(256))
    return (_DARK**3 / (light * light + _DARK**2)).astype(np.float32)


def _weigh_exchange(present: np.ndarray, original: np.ndarray, radius: float) -> np.ndarray:
    """How far the result's details give way to the original's, 0…1, [H, W]: not where they are much the stronger ones.

    Letters that came out garbled are about as strong as the true ones. A highlight on smooth skin is not.
    """
    import cv2

    window = (2 * round(radius / 2) + 1,) * 2

    def find_strongest(details: np.ndarray) -> np.ndarray:
        red, green, blue = cv2.split(np.abs(details))
        highest = cv2.max(cv2.max(red, green), blue)
        return cv2.blur(cv2.dilate(highest, np.ones(window, np.uint8)), window)

    excess = find_strongest(present) / (find_strongest(original) + np.float32(1e-3))
    return np.clip((_STAYS - excess) / (_STAYS - _GIVES_WAY), 0, 1)

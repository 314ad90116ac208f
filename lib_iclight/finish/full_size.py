"""The relit picture at the original's own resolution: the light from the one, everything fine from the other."""

from __future__ import annotations

import numpy as np

from ..srgb import to_display, to_linear
from .base import extract_base

_FINE = 2.0
"""Structures up to about so many pixels of the relit picture wide are fine: what it has of them is the VAE's making."""

_BLURS = (0.0, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
"""Standard deviations, in pixels of the relit picture, that its sharpness is looked for among."""

_WINDOW = 7
"""Width and height in pixels of the relit picture within which its light is one straight line of the original."""

_DAMPING = 1e-3
"""What a window's contrast, its variance over its squared mean, has to exceed for the line to be told by it."""

_DARK = 0.002
"""Linear light above which the original's fine structure is taken as ratios: 8 bits say nothing of what is darker."""

_STRIP = 512
"""Rows that are worked on at a time."""


def enlarge_light(result: np.ndarray, small: np.ndarray, large: np.ndarray) -> np.ndarray:
    """Light the original as the relit picture is lit.

    Within a small window the relit picture's base is a straight line of the original's: what was twice as bright still
    is, or, across an edge between two things, each side has a level of its own. Lines are fitted in display values, in
    which the VAE's blur mixes both alike, once the original is as blurred as the relit picture; then they are applied
    to the large original's base, whose edges are sharp, and its fine structure is multiplied onto that in linear light.
    (The guided filter of He, Sun, Tang (2013), fitted small and applied large as in He and Sun: "Fast Guided Filter"
    (2015). Theirs pulls lines towards the mean, which flattens texture; here they are pulled towards a plain ratio.)

    :param result: the relit picture, uint8 [h, w, 3].
    :param small: the original, fitted to it.
    :param large: the original at its own resolution, uint8 [H, W, 3], of the same part.
    :returns: uint8 [H, W, 3], a new array.
    """
    slope, offset = _fit_lines(result, small)
    height, width = large.shape[:2]
    scale = height / result.shape[0]
    radius = 1.25 * _FINE * scale
    margin = int(np.ceil(4 * radius)) + 1  # as far as the base looks
    lit = np.empty_like(large)
    for top in range(0, height, _STRIP):
        bottom = min(top + _STRIP, height)
        first, last = max(0, top - margin), min(height, bottom + margin)
        base = extract_base(large[first:last], radius)[top - first : bottom - first]
        light = _sample(slope, width, height, top, bottom) * (base * np.float32(1 / 255))
        light += _sample(offset, width, height, top, bottom)
        detail = (to_linear(large[top:bottom]) + np.float32(_DARK)) / (to_linear(base) + np.float32(_DARK))
        lit[top:bottom] = to_display(_linear_of(light) * detail)
    return lit


def _fit_lines(result: np.ndarray, small: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Slope and offset of each channel's line at each pixel, float32 [h, w, 3], for display values 0…1.

    How blurred the relit picture is isn't known: it is as blurred as the original has to be for the lines to fit best.
    """
    import cv2

    lit = _base_of(result)
    fits = [_fit_at(lit, _base_of(cv2.GaussianBlur(small, (0, 0), blur) if blur else small)) for blur in _BLURS]
    _, slope, offset = min(fits, key=lambda fit: fit[0])
    return slope, offset


def _base_of(rgb: np.ndarray) -> np.ndarray:
    return extract_base(rgb, _FINE) * np.float32(1 / 255)


def _fit_at(lit: np.ndarray, base: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """The lines' mean squared error, slopes and offsets, averaged over all windows that a pixel is in."""
    import cv2

    def mean(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, (_WINDOW, _WINDOW))

    tiny = np.float32(1e-3)
    of_base, of_lit = mean(base), mean(lit)
    variance = np.maximum(mean(base * base) - of_base * of_base, 0)
    covariance = mean(base * lit) - of_base * of_lit
    ratio = (of_lit + tiny) / (of_base + tiny)
    slope = ratio + (covariance - ratio * variance) / (variance + np.float32(_DAMPING) * (of_base * of_base + tiny))
    slope, offset = mean(slope), mean(of_lit - slope * of_base)
    return float(np.square(lit - slope * base - offset).mean()), slope, offset


def _sample(lines: np.ndarray, width: int, height: int, top: int, bottom: int) -> np.ndarray:
    """Rows of an enlarged array, bilinear, without enlarging the others: float32 [bottom - top, width, 3]."""
    import cv2

    columns = (np.arange(width, dtype=np.float32) + 0.5) * (lines.shape[1] / width) - 0.5
    rows = (np.arange(top, bottom, dtype=np.float32) + 0.5) * (lines.shape[0] / height) - 0.5
    across, down = np.meshgrid(columns.astype(np.float32), rows.astype(np.float32))
    return cv2.remap(lines, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _linear_of(display: np.ndarray) -> np.ndarray:
    """Linear light of display values that are no whole levels, 0…1."""
    display = display.clip(0, 1)
    steps = display * np.float32(255)
    low = steps.astype(np.uint8)
    high = np.minimum(low, 254) + np.uint8(1)
    start = to_linear(low)
    return start + (to_linear(high) - start) * (steps - low)

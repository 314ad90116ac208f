"""The base of a picture: everything but structures thinner than a radius."""

from __future__ import annotations

import numpy as np

from ..srgb import to_display, to_linear

_MAX_RADIUS = 127
"""OpenCV's median counts a window's pixels in 16 bits: 255×255 are the most."""

_SLOPE_RADII = 2
"""How far around, in radii, a pixel's share is compared: a wider slope brings no detail into the base."""


def extract_base(rgb: np.ndarray, radius: float) -> np.ndarray:
    """The picture without strokes, grain and texture; large edges stay where they are, as sharp as they are.

    A Gaussian would soften large edges as well, which shows as a halo wherever the new light changes their contrast.
    A median tells by size instead, whatever the contrast. Its two faults are mended:

    - Where dark and bright stripes are equally wide, either may be the majority in a window, so some of them stay.
      They are averaged in linear light, between the opening of the median's closing, which has the bright level, and
      the closing of its opening, which has the dark one.
    - It rounds corners. A pixel whose own value lies within the range that the base has nearby keeps its value.

    :param rgb: uint8 [H, W, 3].
    :param radius: in pixels, up to 127; strokes up to about as wide are no part of the base.
    :returns: uint8 [H, W, 3].
    """
    import cv2

    whole = min(max(1, round(radius)), _MAX_RADIUS)
    median = cv2.medianBlur(rgb, 2 * whole + 1)
    window = np.ones((max(3, whole | 1),) * 2, np.uint8)
    opened, closed = (cv2.morphologyEx(median, how, window) for how in (cv2.MORPH_OPEN, cv2.MORPH_CLOSE))
    dark = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, window)
    bright = cv2.morphologyEx(closed, cv2.MORPH_OPEN, window)
    even = to_display((to_linear(dark) + to_linear(bright)) / 2)
    return np.clip(rgb, cv2.erode(even, window), cv2.dilate(even, window))


def continue_subject(rgb: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """The subject's colours continued across its edge and beyond, so that no background gets into the subject's base.

    Means of what is inside, coarser and coarser, are laid beneath each other: the push-pull of Gortler and others,
    "The Lumigraph" (1996).

    :param rgb: uint8 [H, W, 3].
    :param inside: where the subject shows undisturbed (:func:`find_inside`), float32 [H, W], 0…1.
    :returns: uint8 [H, W, 3]; inside the picture itself.
    """
    import cv2

    sums = rgb * inside[..., None]
    layers = [(rgb, inside)]
    while max(inside.shape) > 1:
        half = ((inside.shape[1] + 1) // 2, (inside.shape[0] + 1) // 2)
        sums, inside = (cv2.resize(each, half, interpolation=cv2.INTER_AREA) for each in (sums, inside))
        layers.append((sums / np.maximum(inside, np.float32(1e-6))[..., None], inside))
    continued = layers.pop()[0]
    for colours, inside in reversed(layers):
        height, width = inside.shape
        beneath = cv2.resize(continued, (width, height), interpolation=cv2.INTER_LINEAR)
        continued = beneath + inside[..., None] * (colours - beneath)
    return np.clip(np.rint(continued), 0, 255).astype(np.uint8)


def find_inside(share: np.ndarray, radius: float) -> np.ndarray:
    """Where the subject shows undisturbed, be it opaque, glass or a veil: float32 [H, W], 0…1.

    A pixel on a slope, with clearly larger shares around it and clearly smaller ones, is the subject's edge, which
    the background is mixed into. Glass has the same share all around, or the larger one of an opaque hand on one side
    and no smaller one. What is less than a tenth the subject's may be a matting model's haze, and never counts.

    :param share: how much of each pixel is the subject's, float32 [H, W], 0…1.
    :param radius: in pixels.
    """
    import cv2

    levels = np.rint(share * 255).astype(np.uint8)  # OpenCV is many times as quick on bytes
    window = np.ones((2 * max(1, round(_SLOPE_RADII * radius)) + 1,) * 2, np.uint8)
    largest = np.maximum(cv2.dilate(levels, window), 1).astype(np.float32)
    own = np.maximum(levels, 1).astype(np.float32)
    is_top, is_bottom = (_rise(ratio, 0.9) for ratio in (levels / largest, cv2.erode(levels, window) / own))
    return np.maximum(is_top, is_bottom) * _rise(share, 0.1)


def _rise(values: np.ndarray, start: float) -> np.ndarray:
    """0 up to `start`, 1 from a tenth above it, linear in between."""
    return np.clip(10 * (values - np.float32(start)), 0, 1)

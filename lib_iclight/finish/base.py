"""What of a picture is large: everything but structures thinner than a radius."""

from __future__ import annotations

import numpy as np

from .srgb import to_display, to_linear

_MAX_RADIUS = 127
"""OpenCV's median counts a window's pixels in 16 bits: 255×255 are the most."""


def base(rgb: np.ndarray, radius: float) -> np.ndarray:
    """The picture without strokes, grain and texture; large edges stay where they are, as sharp as they are.

    A Gaussian would soften large edges as well, which shows as a halo wherever the new light changes their contrast.
    A median tells by size instead, whatever the contrast. Its two faults are mended:

    - of stripes as wide as their gaps it keeps some: they are averaged away in linear light, between the opening of
      the closing and the closing of the opening;
    - it rounds corners: a pixel whose own value lies between those that the base has nearby keeps it.

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


def fill_outside(rgb: np.ndarray, share: np.ndarray) -> np.ndarray:
    """The subject's colours continued beyond its outline, so that no background takes part in the subject's base.

    Coarser and coarser means of what is inside, laid beneath each other (the push-pull of Gortler and others,
    "The Lumigraph", 1996).

    :param rgb: uint8 [H, W, 3].
    :param share: how much each pixel is the subject's, float32 [H, W], 0…1. Up to 0.9 its colour counts for nothing,
        as the background is in it.
    :returns: uint8 [H, W, 3]; where the share is 1, the picture itself.
    """
    import cv2

    inside = np.clip(10 * share - 9, 0, 1)
    levels = [(rgb * inside[..., None], inside)]
    while max(levels[-1][1].shape) > 1:
        height, width = levels[-1][1].shape
        half = ((width + 1) // 2, (height + 1) // 2)
        colours, shares = (cv2.resize(each, half, interpolation=cv2.INTER_AREA) for each in levels[-1])
        levels.append((colours, shares))
    colours, shares = levels.pop()
    filled = colours / np.maximum(shares, 1e-6)[..., None]
    for colours, shares in reversed(levels):
        height, width = shares.shape
        beneath = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR).reshape(colours.shape)
        filled = colours + (1 - shares[..., None]) * beneath
    return np.clip(np.rint(filled), 0, 255).astype(np.uint8)

"""Cutting out without a model: OpenCV's GrabCut."""

from __future__ import annotations

import numpy as np

from ..errors import ICLightError

_WORKING_SIZE = 448
"""GrabCut's time grows with the pixels; its outline is smooth enough to be scaled back up."""

_SPECK = 0.002
"""Share of the picture below which a hole in the subject, or an island outside it, is taken for a mistake."""


def grab_cut(rgb: np.ndarray) -> np.ndarray:
    """Tell subject from background by OpenCV's GrabCut, taking the picture's rim for background
    on all sides but the lower one.

    Rother, Kolmogorov, Blake: "GrabCut" (2004). The same picture always gives the same cut-out.

    :param rgb: uint8 [H, W, 3].
    :returns: 0 or 1, float32 [h, w], at most 448 pixels wide and high.
    :raises ICLightError: there is nothing to cut out.
    """
    import cv2

    height, width = rgb.shape[:2]
    scale = min(1.0, _WORKING_SIZE / max(height, width))
    small = cv2.resize(rgb, (max(1, round(width * scale)), max(1, round(height * scale))), interpolation=cv2.INTER_AREA)
    if min(small.shape[:2]) < 16:
        raise ICLightError(f"A subject of {width}×{height} pixels is too small to be cut out: set cutout to none.")
    rim = max(1, round(0.02 * min(small.shape[:2])))
    # most portraits are cut off by the lower edge, so that one says nothing
    inside = (rim, rim, small.shape[1] - 2 * rim, small.shape[0] - rim)
    mask = np.zeros(small.shape[:2], np.uint8)
    colours = np.zeros((2, 1, 65), np.float64)
    bgr = np.ascontiguousarray(small[..., ::-1])
    cv2.setRNGSeed(0)
    try:
        cv2.grabCut(bgr, mask, inside, colours[0], colours[1], 5, cv2.GC_INIT_WITH_RECT)
    except cv2.error:  # a picture of one colour has no two models to tell apart
        mask[:] = cv2.GC_BGD
    subject = _remove_specks(mask & 1)
    if not subject.any():
        raise ICLightError(
            "GrabCut finds no subject in the picture: give one with a transparent background, or set cutout to none."
        )
    return subject.astype(np.float32)


def _remove_specks(subject: np.ndarray) -> np.ndarray:
    """0 and 1, uint8, small islands of either put to what is around them; but never all of the subject."""
    import cv2

    cleaned = subject.copy()
    for value in (0, 1):
        _, labels, stats, _ = cv2.connectedComponentsWithStats((cleaned == value).astype(np.uint8), connectivity=4)
        is_speck = stats[:, cv2.CC_STAT_AREA] < _SPECK * subject.size
        is_speck[0] = False  # what is not of this value
        cleaned[is_speck[labels]] = 1 - value
    return cleaned if cleaned.any() else subject

"""Cutting the subject out of its picture."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from ..errors import ICLightError
from ..pictures import Picture
from ..request import Cutout
from .composite import composite_on_grey

_WORKING_SIZE = 448
"""GrabCut's time grows with the pixels; its outline is smooth enough to be scaled back up."""

_CUTOUTS: OrderedDict[tuple[bytes, Cutout], Picture] = OrderedDict()
"""Key: what the picture shows and how it is cut out. Bound: the last eight. Emptied by: the process's end."""

_MAX_CUTOUTS = 8


def cut_out(picture: Picture, cutout: Cutout) -> Picture:
    """The subject on grey 127, with the alpha it was cut out by, at the picture's own size.

    A picture's own transparency wins over every way of cutting out.

    :raises ICLightError: there is no subject.
    """
    if picture.alpha is None and cutout is Cutout.NONE:
        return picture
    key = (picture.digest, cutout)
    if key not in _CUTOUTS:
        alpha = picture.alpha if picture.alpha is not None else grab_cut(picture.rgb)
        if not alpha.any():
            raise ICLightError("The subject's picture is transparent all over: give one that shows something.")
        _CUTOUTS[key] = Picture(composite_on_grey(picture.rgb, alpha), alpha)
        while len(_CUTOUTS) > _MAX_CUTOUTS:
            _CUTOUTS.popitem(last=False)
    _CUTOUTS.move_to_end(key)
    return _CUTOUTS[key]


def grab_cut(rgb: np.ndarray) -> np.ndarray:
    """Tell subject from background by OpenCV's GrabCut, taking the picture's rim for background
    on all sides but the lower one.

    Rother, Kolmogorov, Blake: "GrabCut" (2004). The same picture always gives the same cut-out.

    :param rgb: uint8 [H, W, 3].
    :returns: alpha, uint8 [H, W].
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
    subject = (mask & 1).astype(np.uint8) * 255
    if not subject.any():
        raise ICLightError(
            "GrabCut finds no subject in the picture: give one with a transparent background, or set cutout to none."
        )
    return cv2.resize(subject, (width, height), interpolation=cv2.INTER_LINEAR)

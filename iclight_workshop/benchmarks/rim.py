"""How much of the old background is left in the rim of a cut-out."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_CERTAIN = 3
"""Pixels that a certain subject or background lies away from every alpha in between."""

_NEARBY = 9
"""Width in pixels of the window that a certain colour is averaged in."""

_CONTRAST = 30
"""Levels (Euclidean, of 8-bit RGB) that subject and background have to be apart for their mixture to be told."""


@dataclass(frozen=True)
class Rim:
    """What is in between: neither certain subject nor certain background by any of the alphas that are compared."""

    where: np.ndarray
    """bool [H, W]."""

    subject: np.ndarray
    """The nearest certain subject's colour, float32 [H, W, 3]."""

    background: np.ndarray
    """The nearest certain background's."""

    outline: int
    """Pixels along the subject's outline: half way between both."""


def find_rim(photo: np.ndarray, alphas: list[np.ndarray]) -> Rim:
    """Find the rim that several cut-outs of a photo are compared in.

    :param photo: uint8 [H, W, 3].
    :param alphas: uint8 [H, W] each.
    """
    window = np.ones((2 * _CERTAIN + 1,) * 2, np.uint8)
    inside, outside = (
        cv2.erode(np.all(certain, axis=0).astype(np.uint8), window) > 0
        for certain in ([alpha >= 250 for alpha in alphas], [alpha <= 5 for alpha in alphas])
    )
    subject, background = (_spread(photo, where) for where in (inside, outside))
    apart = np.linalg.norm(background - subject, axis=-1) >= _CONTRAST
    middle = (np.mean(alphas, axis=0) > 127).astype(np.uint8)
    outline = cv2.morphologyEx(middle, cv2.MORPH_GRADIENT, np.ones((2, 2), np.uint8))
    return Rim(~inside & ~outside & apart, subject, background, int((outline & apart).sum()))


def measure_leftover(rim: Rim, colour: np.ndarray, alpha: np.ndarray) -> tuple[float, float]:
    """How much of what a cut-out shows in the rim is the old background's.

    A shown colour's part of the background is how far it lies on the way from the nearest certain subject's colour to
    the nearest certain background's, 0 to 1, weighted by alpha.

    :param colour: uint8 [H, W, 3].
    :param alpha: uint8 [H, W].
    :returns: its share of what shows, and its amount, in opaque pixels per pixel of outline.
    """
    way = (rim.background - rim.subject)[rim.where]
    gone = ((colour.astype(np.float32) - rim.subject)[rim.where] * way).sum(-1) / (way * way).sum(-1)
    shown = alpha[rim.where] / 255
    left = float((shown * gone.clip(0, 1)).sum())
    return left / max(float(shown.sum()), 1e-6), left / max(rim.outline, 1)


def _spread(photo: np.ndarray, where: np.ndarray) -> np.ndarray:
    """For each pixel the mean colour around the nearest pixel of a region: float32 [H, W, 3]."""
    if not where.any():
        return np.zeros(photo.shape, np.float32)
    weight = cv2.blur(where.astype(np.float32), (_NEARBY,) * 2)
    mean = cv2.blur(photo * where[..., None].astype(np.float32), (_NEARBY,) * 2) / np.maximum(weight, 1e-6)[..., None]
    _, labels = cv2.distanceTransformWithLabels(
        (~where).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    of_label = np.zeros((int(np.max(labels)) + 1, 3), np.float32)
    of_label[labels[where]] = mean[where]
    return of_label[labels]

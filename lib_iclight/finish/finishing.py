"""Both steps of the finish, in their order."""

from __future__ import annotations

import numpy as np

from .colour import keep_colour
from .detail import scale_radius, transfer_detail


def finish(
    result: np.ndarray,
    original: np.ndarray,
    alpha: np.ndarray | None,
    *,
    detail_alpha: np.ndarray | None,
    detail_transfer: float = 0.0,
    detail_radius: float = 1.0,
    colour_keep: float = 0.0,
) -> np.ndarray:
    """Give details back, then colours: details are ratios of each channel, and would tint colours given back before.

    :param result: uint8 [H, W, 3].
    :param original: uint8 [H, W, 3], already fitted to the result as the condition was.
    :param alpha: the subject's, uint8 [H, W], fitted likewise; none: everything is the subject.
    :param detail_alpha: where details are given back, likewise: the subject's alpha, or what the original's whole
        picture covers. Colours are the subject's alone.
    :param detail_transfer: strength, 0 to 1.
    :param detail_radius: in percent of the shorter side.
    :param colour_keep: strength, 0 to 1.
    :returns: uint8 [H, W, 3], a new array; the result's exact bytes if both strengths are 0.
    :raises ValueError: the sizes differ.
    """
    height, width = result.shape[:2]
    if original.shape != result.shape or any(
        each is not None and each.shape != (height, width) for each in (alpha, detail_alpha)
    ):
        raise ValueError(f"The result is {width}×{height}; original and alphas must have its size.")
    colour_share, detail_share = (
        None if each is None else each.astype(np.float32) / 255 for each in (alpha, detail_alpha)
    )
    radius = scale_radius(detail_radius, width, height)
    detailed = transfer_detail(result, original, detail_share, detail_transfer, radius)
    return keep_colour(detailed, original, colour_share, colour_keep)

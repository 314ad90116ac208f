"""Foreground estimation: what the old background has mixed into the subject's soft edge is taken out again."""

from __future__ import annotations

import numpy as np

_WHOLE_SIZE = 1024
"""Up to this many pixels a side, a level of the pyramid is worked on as a whole; larger ones tile by tile, and only
where the edge is."""

_ROUNDS = 10
"""Iterations on a level that is worked on as a whole. Each spreads colours by a pixel."""

_TILE = 256
"""Width and height of a tile in pixels."""

_TILE_ROUNDS = 2
"""Iterations on a tile: the coarser levels have spread the colours already."""

_LEAST_WEIGHT = 0.02
"""Added to a colour's weight in its neighbours' mean, so that colours also spread where none of them shows."""

_DAMPING = 1e-3
"""Added to the divisor of the correction, α² + (1 - α)²."""

_NEIGHBOURS = (3, 3)
"""What a pixel's mean is taken over: itself and the eight around it."""


def estimate_foreground_colours(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Estimate the subject's colours F where the background's, B, are mixed with them: α · F + (1 - α) · B.

    From the coarsest level of a pyramid to the full size, F and B are smoothed, and then both are moved by the least
    that makes the mixture the picture's colour: the multi-level scheme of Germer, Uelwer, Conrad, Harmeling: "Fast
    Multi-Level Foreground Estimation" (2020). Neighbours are weighted by how much of them shows, as in Forte:
    "Approximate Fast Foreground Colour Estimation" (2021).

    :param rgb: uint8 [H, W, 3].
    :param alpha: uint8 [H, W].
    :returns: uint8 [H, W, 3]: the picture itself where alpha is 255; where alpha is 0, the colour of the subject
        nearby, so that nothing of the background comes in when the picture is scaled.
    """
    if alpha.min() == 255 or not alpha.any():
        return rgb
    import cv2

    height, width = alpha.shape
    levels = max(0, int(np.ceil(np.log2(max(height, width) / 4))))
    foreground = background = rgb
    for level in range(levels, -1, -1):
        size = max(1, round(width / 2**level)), max(1, round(height / 2**level))
        picture = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        share = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA)
        if level == levels:  # the coarsest, of a few pixels: both begin as the mixture
            foreground = background = picture
        else:
            foreground = cv2.resize(foreground, size, interpolation=cv2.INTER_LINEAR)
            background = cv2.resize(background, size, interpolation=cv2.INTER_LINEAR)
        if max(size) <= _WHOLE_SIZE:
            foreground, background = _separate(picture, share, foreground, background, _ROUNDS)
        else:
            _separate_around_edge(picture, share, foreground, background)
    np.copyto(foreground, rgb, where=(alpha == 255)[..., None])
    return foreground


def _separate_around_edge(rgb: np.ndarray, alpha: np.ndarray, foreground: np.ndarray, background: np.ndarray) -> None:
    """Separate F and B in place, in the tiles that are not all subject or all background."""
    height, width = alpha.shape
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            # with a margin as wide as colours spread
            above, before = min(top, _TILE_ROUNDS), min(left, _TILE_ROUNDS)
            tile = np.s_[top - above : top + _TILE + _TILE_ROUNDS, left - before : left + _TILE + _TILE_ROUNDS]
            if alpha[tile].min() == 255 or not alpha[tile].any():
                continue
            found = _separate(rgb[tile], alpha[tile], foreground[tile], background[tile], _TILE_ROUNDS)
            inner = np.s_[above : above + _TILE, before : before + _TILE]
            for layer, colours in zip((foreground, background), found, strict=True):
                layer[top : top + _TILE, left : left + _TILE] = colours[inner]


def _separate(
    rgb: np.ndarray, alpha: np.ndarray, foreground: np.ndarray, background: np.ndarray, rounds: int
) -> tuple[np.ndarray, np.ndarray]:
    """F and B of one level, from the estimates of the coarser one: all uint8 [h, w, 3], alpha uint8 [h, w]."""
    import cv2

    # Alpha three times over: numpy and OpenCV are much quicker on arrays of one shape.
    share = cv2.merge([alpha] * 3).astype(np.float32) / 255
    shares = share, 1 - share
    layers: list[np.ndarray] = [foreground.astype(np.float32), background.astype(np.float32)]
    weights = [each + _LEAST_WEIGHT for each in shares]
    totals = [cv2.blur(each, _NEIGHBOURS) for each in weights]
    damped = share * share + (1 - share) * (1 - share) + _DAMPING
    for _ in range(rounds):
        error = rgb.astype(np.float32)
        for index, (each, weight, total) in enumerate(zip(shares, weights, totals, strict=True)):
            layers[index] = cv2.blur(layers[index] * weight, _NEIGHBOURS) / total
            error -= each * layers[index]
        error /= damped
        for layer, each in zip(layers, shares, strict=True):
            layer += each * error
            np.clip(layer, 0, 255, out=layer)
    return np.rint(layers[0]).astype(np.uint8), np.rint(layers[1]).astype(np.uint8)

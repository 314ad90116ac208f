"""The subject's own colours: what the old background has mixed into its soft edge is taken out again."""

from __future__ import annotations

import numpy as np

_WHOLE_SIZE = 1024
"""Up to this size, in pixels, a level is worked on as a whole; above, only around the edge, tile by tile."""

_ROUNDS = 10
"""On a level that is worked on as a whole: colours spread by a pixel a round."""

_TILE = 256
_TILE_ROUNDS = 2

_LEAST_WEIGHT = 0.02
"""What a colour that doesn't show counts in its neighbours' mean: where nothing shows, colours still spread."""

_DAMPING = 1e-3

_NEIGHBOURS = (3, 3)


def own_colours(rgb: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    """Estimate the colours that the subject has where it lets its background through.

    A picture is `alpha · F + (1 - alpha) · B`. From the coarsest of a pyramid's levels to the full size, F and B are
    made smooth, and then both moved by the least that makes the mixture the picture's colour: the multi-level scheme
    of Germer, Uelwer, Conrad, Harmeling: "Fast Multi-Level Foreground Estimation" (2020), its neighbours weighted by
    how much of them shows, as in Forte: "Approximate Fast Foreground Colour Estimation" (2021).

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
        if level == levels:  # a few pixels, which the rounds bring apart
            foreground = background = picture
        else:
            foreground = cv2.resize(foreground, size, interpolation=cv2.INTER_LINEAR)
            background = cv2.resize(background, size, interpolation=cv2.INTER_LINEAR)
        if max(size) <= _WHOLE_SIZE:
            foreground, background = _separated(picture, share, foreground, background, _ROUNDS)
        else:
            _separate_around_edge(picture, share, foreground, background)
    np.copyto(foreground, rgb, where=(alpha == 255)[..., None])
    return foreground


def _separate_around_edge(rgb: np.ndarray, alpha: np.ndarray, foreground: np.ndarray, background: np.ndarray) -> None:
    """Separate the tiles that something soft is in, in place; in the others there is nothing to separate."""
    height, width = alpha.shape
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            # as much around it as colours spread
            above, before = min(top, _TILE_ROUNDS), min(left, _TILE_ROUNDS)
            tile = np.s_[top - above : top + _TILE + _TILE_ROUNDS, left - before : left + _TILE + _TILE_ROUNDS]
            if alpha[tile].min() == 255 or not alpha[tile].any():
                continue
            found = _separated(rgb[tile], alpha[tile], foreground[tile], background[tile], _TILE_ROUNDS)
            inner = np.s_[above : above + _TILE, before : before + _TILE]
            for layer, colours in zip((foreground, background), found, strict=True):
                layer[top : top + _TILE, left : left + _TILE] = colours[inner]


def _separated(
    rgb: np.ndarray, alpha: np.ndarray, foreground: np.ndarray, background: np.ndarray, rounds: int
) -> tuple[np.ndarray, np.ndarray]:
    """F and B of one level, from the estimates of the coarser one; all uint8."""
    import cv2

    # three times the same: numpy and OpenCV are much quicker on arrays of one shape
    share = cv2.merge([alpha] * 3).astype(np.float32) / 255
    shares, layers = (share, 1 - share), [foreground.astype(np.float32), background.astype(np.float32)]
    weights = [each + _LEAST_WEIGHT for each in shares]
    totals = [cv2.blur(each, _NEIGHBOURS) for each in weights]
    damped = share * share + (1 - share) * (1 - share) + _DAMPING
    for _ in range(rounds):
        rest = rgb.astype(np.float32)
        for index, (each, weight, total) in enumerate(zip(shares, weights, totals, strict=True)):
            layers[index] = cv2.blur(layers[index] * weight, _NEIGHBOURS) / total
            rest -= each * layers[index]
        rest /= damped
        for layer, each in zip(layers, shares, strict=True):
            layer += each * rest
            np.clip(layer, 0, 255, out=layer)
    foreground, background = (np.rint(layer).astype(np.uint8) for layer in layers)
    return foreground, background

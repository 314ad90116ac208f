"""A size to generate at that has a picture's proportions, and that SD 1.5 likes."""

from __future__ import annotations

from fractions import Fraction

_STEP = 64
"""Pixels. SD 1.5's UNet halves a latent of an eighth of the size three times."""

_SIDES = range(384 // _STEP, 1024 // _STEP + 1)

_AREA = 512 * 768 // _STEP**2

_AREAS = range(_AREA * 5 // 6, _AREA * 7 // 6 + 1)
"""In steps squared: as far from the best one as it takes to come close to most proportions."""

_SIZES = [(short, long) for short in _SIDES for long in _SIDES if short <= long and short * long in _AREAS]


def choose_size(width: int, height: int) -> tuple[int, int]:
    """The width and height to generate at, of a picture's proportions as far as multiples of 64 allow.

    The sides are 384 to 1024 pixels, the area is about that of 512 × 768: within a sixth.

    :param width: the picture's, at least 1 pixel.
    :param height: the same.
    """
    if width > height:
        return choose_size(height, width)[::-1]

    def error(size: tuple[int, int]) -> tuple[Fraction, Fraction]:
        short, long = size
        return _ratio(short * height, long * width), _ratio(short * long, _AREA)

    short, long = min(_SIZES, key=error)
    return short * _STEP, long * _STEP


def _ratio(one: int, other: int) -> Fraction:
    """How far apart two numbers are, as a factor of 1 or more."""
    return Fraction(max(one, other), min(one, other))

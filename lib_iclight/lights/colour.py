"""Colours of lights: as a screen shows them, or as a glowing body has them at a temperature."""

from __future__ import annotations

import functools
import re

import numpy as np

from ..setting_types import quoted
from ..srgb import to_linear

WHITE = "#ffffff"

COOLEST, HOTTEST = 1000, 15000
"""In kelvin: where the approximation of Planck's locus below holds. A candle has 1900, a blue sky 12000."""

_XYZ_TO_RGB = np.array(
    [[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]],
)
"""CIE XYZ to linear light with sRGB's primaries and its white, D65 (IEC 61966-2-1)."""


def check_colour(name: str, value: object) -> str:
    """A colour as it is kept and written: `#rrggbb` in small letters, or as in `3200K`.

    :param name: the field's, for the sentence.
    :param value: such text, in which case and spaces don't matter.
    :raises ValueError: it is no colour, or a temperature out of range.
    """
    text = re.sub(r"\s+", "", value).lower() if isinstance(value, str) and len(value) < 40 else ""
    if re.fullmatch(r"#[0-9a-f]{6}", text):
        return text
    kelvin = re.fullmatch(r"([0-9]{1,6})k", text)
    if kelvin and COOLEST <= int(kelvin[1]) <= HOTTEST:
        return f"{int(kelvin[1])}K"
    raise ValueError(
        f"{name} must be #rrggbb, as in #ffcc88, or a temperature from {COOLEST}K to {HOTTEST}K, not {quoted(value)}."
    )


@functools.lru_cache(maxsize=64)
def linear_colour(colour: str) -> tuple[float, float, float]:
    """A checked colour in linear light: red, green and blue, 0…1. The last 64 are kept.

    A temperature's has 1 as its largest: brightness is said apart from colour.
    """
    if colour.startswith("#"):
        return tuple(to_linear(np.frombuffer(bytes.fromhex(colour[1:]), np.uint8)).tolist())
    x, y = planck_chromaticity(int(colour[:-1]))
    # what lies outside of the screen's colours, as the red of a dying ember does, is brought to their rim
    rgb = (_XYZ_TO_RGB @ [x / y, 1.0, (1 - x - y) / y]).clip(0)
    return tuple((rgb / rgb.max()).tolist())


def planck_chromaticity(kelvin: float) -> tuple[float, float]:
    """CIE 1931 x and y of a glowing black body.

    M. Krystek, "An algorithm to calculate correlated colour temperature", Color Research and Application 10 (1985):
    within 8e-5 of Planck's law in u and v of CIE 1960, from 1000 to 15000 K.
    """
    t = float(kelvin)
    u = (0.860117757 + 1.54118254e-4 * t + 1.28641212e-7 * t**2) / (1 + 8.42420235e-4 * t + 7.08145163e-7 * t**2)
    v = (0.317398726 + 4.22806245e-5 * t + 4.20481691e-8 * t**2) / (1 - 2.89741816e-5 * t + 1.61456053e-7 * t**2)
    divisor = 2 * u - 8 * v + 4
    return 3 * u / divisor, 2 * v / divisor

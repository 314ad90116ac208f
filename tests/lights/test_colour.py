from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lib_iclight.lights.colour import check_colour, linear_colour, planck_chromaticity
from lib_iclight.srgb import to_linear

PUBLISHED = {
    1500: (0.5857, 0.3931),
    2000: (0.5267, 0.4133),
    2500: (0.4770, 0.4137),
    2856: (0.4476, 0.4074),
    3000: (0.4369, 0.4041),
    3500: (0.4053, 0.3907),
    4000: (0.3805, 0.3768),
    5000: (0.3451, 0.3516),
    6000: (0.3221, 0.3318),
    6500: (0.3135, 0.3237),
    8000: (0.2952, 0.3048),
    10000: (0.2807, 0.2884),
}
"""CIE 1931 x and y of black bodies: Wyszecki and Stiles, "Color Science" (1982), and CIE illuminant A (2856 K)."""

RGB_TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
"""IEC 61966-2-1."""


def to_uv(x: float, y: float) -> np.ndarray:
    """CIE 1960."""
    return np.array([4 * x, 6 * y]) / (-2 * x + 12 * y + 3)


@pytest.mark.parametrize("kelvin", PUBLISHED)
def test_temperatures_have_the_published_chromaticity(kelvin: int, figure: Callable[[str, float], float]) -> None:
    error = np.hypot(*(to_uv(*planck_chromaticity(kelvin)) - to_uv(*PUBLISHED[kelvin])))
    assert figure("Δuv", float(error)) <= 0.002
    if kelvin >= 2000:  # an ember's red is beyond what a screen has
        big_x, big_y, big_z = RGB_TO_XYZ @ linear_colour(f"{kelvin}K")
        total = big_x + big_y + big_z
        error = np.hypot(*(to_uv(big_x / total, big_y / total) - to_uv(*PUBLISHED[kelvin])))
        assert figure("Δuv on the screen", float(error)) <= 0.002


def test_warm_is_red_and_cold_is_blue() -> None:
    colours = np.array([linear_colour(f"{kelvin}K") for kelvin in range(1000, 15001, 500)])
    assert (colours.max(axis=1) == 1).all() and (colours >= 0).all()
    share = colours[:, 2] / colours.sum(axis=1)
    assert (np.diff(share) >= 0).all()
    assert colours[0, 2] == 0 and colours[-1, 2] == 1


@pytest.mark.parametrize(
    ("text", "kept"), [("#FFcc88", "#ffcc88"), (" 3200 k", "3200K"), ("03200K", "3200K"), ("# f f 0 0 0 0", "#ff0000")]
)
def test_one_way_of_writing(text: str, kept: str) -> None:
    assert check_colour("colour", text) == kept


def test_a_screen_s_colour_is_its_linear_light() -> None:
    assert np.allclose(linear_colour("#ff8000"), to_linear(np.array([255, 128, 0], np.uint8)))

"""Display values and linear light."""

from __future__ import annotations

import numpy as np
import pytest

from lib_iclight.srgb import luminance, to_display, to_linear


def test_every_level_comes_back() -> None:
    levels = np.arange(256, dtype=np.uint8)
    assert np.array_equal(to_display(to_linear(levels)), levels)


@pytest.mark.parametrize(("level", "light"), [(0, 0.0), (10, 10 / 255 / 12.92), (188, 0.50289), (255, 1.0)])
def test_known_levels(level: int, light: float) -> None:
    assert to_linear(np.uint8(level)) == pytest.approx(light, abs=1e-5)


def test_what_lies_outside_is_clipped() -> None:
    assert to_display(np.array([-0.5, 1.5], np.float32)).tolist() == [0, 255]


def test_green_is_most_of_the_luminance() -> None:
    assert luminance(np.eye(3, dtype=np.float32)[None]).ravel() == pytest.approx([0.2126, 0.7152, 0.0722])

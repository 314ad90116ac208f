"""The size that is chosen from the subject's."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_iclight.ui.size import choose_size

SIDE = st.integers(1, 20_000)
BEST_AREA = 512 * 768


@given(SIDE, SIDE)
def test_sides_and_area_are_what_sd_15_likes(width: int, height: int) -> None:
    chosen = choose_size(width, height)
    assert all(side % 64 == 0 and 384 <= side <= 1024 for side in chosen)
    assert 5 / 6 <= chosen[0] * chosen[1] / BEST_AREA <= 7 / 6


@given(SIDE, SIDE)
def test_proportions_are_kept_as_well_as_multiples_of_64_allow(width: int, height: int) -> None:
    def error(size: tuple[int, int]) -> float:
        return abs(math.log(size[0] * height / (size[1] * width)))

    sides = range(384, 1025, 64)
    possible = [(x, y) for x in sides for y in sides if 5 / 6 <= x * y / BEST_AREA <= 7 / 6]
    chosen = choose_size(width, height)
    assert error(chosen) <= min(map(error, possible)) + 1e-9
    if 384 / 1024 <= width / height <= 1024 / 384:
        assert error(chosen) <= 0.1, "a tenth at most"


@given(SIDE, SIDE)
def test_a_turned_picture_has_the_turned_size(width: int, height: int) -> None:
    assert choose_size(height, width) == choose_size(width, height)[::-1]


@given(SIDE, SIDE, st.integers(2, 9))
def test_only_the_proportions_count(width: int, height: int, factor: int) -> None:
    assert choose_size(factor * width, factor * height) == choose_size(width, height)


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((512, 768), (512, 768)),
        ((4000, 6000), (512, 768)),
        ((6000, 4000), (768, 512)),
        ((1, 1), (640, 640)),
        ((3024, 4032), (576, 768)),
        ((1080, 1920), (512, 896)),
        ((1, 20_000), (384, 1024)),
    ],
)
def test_what_cameras_make(size: tuple[int, int], expected: tuple[int, int]) -> None:
    assert choose_size(*size) == expected

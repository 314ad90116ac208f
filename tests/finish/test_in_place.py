from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iclight_workshop.drawn import green_screen, hairy_alpha, mixed, subject_colours, to_bytes
from lib_iclight.finish import lay_over

Figure = Callable[[str, float], float]

SIZE = 256
RANDOM = np.random.default_rng(5)


@given(st.integers(8, 40), st.integers(8, 40), st.integers(0, 2**16))
def test_outside_it_is_the_background_and_inside_the_result(width: int, height: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    result, background = random.integers(0, 256, (2, height, width, 3), np.uint8)
    alpha = random.choice([0, 0, 255, 255, 100], (height, width)).astype(np.uint8)
    laid = lay_over(result, alpha, background)
    assert laid.dtype == np.uint8
    assert np.array_equal(laid[alpha == 0], background[alpha == 0])
    assert np.array_equal(laid[alpha == 255], result[alpha == 255])


def test_the_wall_behind_it_is_taken_out_of_its_edge(figure: Figure) -> None:
    """A subject relit before a green wall, laid on a red one: how much green is left, of what pasting leaves."""
    alpha, colours = hairy_alpha(SIZE, SIZE), subject_colours(SIZE, SIZE)
    levels = to_bytes(alpha)
    red = np.broadcast_to(np.array([200, 20, 20], np.uint8), colours.shape)
    result = mixed(alpha, colours, green_screen(SIZE, SIZE))
    truth, pasted = (mixed(alpha, each, red).astype(int) for each in (colours, result))
    laid = lay_over(result, levels, red).astype(int)
    soft = (levels > 0) & (levels < 255)
    left, before = (np.abs(each - truth)[soft][:, 1].mean() for each in (laid, pasted))
    assert before > 5
    assert figure("green left, of what plain pasting leaves", left / before) <= 0.2


def test_a_subject_without_an_edge_is_laid_as_it_is() -> None:
    result, background = RANDOM.integers(0, 256, (2, 40, 50, 3), np.uint8)
    alpha = np.zeros((40, 50), np.uint8)
    alpha[10:30, 5:45] = 255
    expected = background.copy()
    expected[10:30, 5:45] = result[10:30, 5:45]
    assert np.array_equal(lay_over(result, alpha, background), expected)


@pytest.mark.parametrize("level", [0, 255])
def test_all_or_nothing(level: int) -> None:
    result, background = RANDOM.integers(0, 256, (2, 40, 50, 3), np.uint8)
    laid = lay_over(result, np.full((40, 50), level, np.uint8), background)
    assert np.array_equal(laid, result if level else background)

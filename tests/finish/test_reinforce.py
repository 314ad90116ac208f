"""The subject over the light map."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from lib_iclight.finish import reinforce

LIGHT = np.tile(np.linspace(255, 0, 32).astype(np.uint8)[None, :, None], (8, 1, 3))
SUBJECT = np.full_like(LIGHT, (40, 90, 200))


def test_the_whole_subject_covers_the_light_and_only_where_it_is() -> None:
    alpha = np.zeros((8, 32), np.uint8)
    alpha[:, 10:20] = 255
    laid = reinforce(LIGHT, SUBJECT, alpha, 1.0)
    assert np.array_equal(laid[:, 10:20], SUBJECT[:, 10:20])
    assert np.array_equal(np.delete(laid, range(10, 20), 1), np.delete(LIGHT, range(10, 20), 1))


def test_half_a_strength_lies_half_way_in_levels() -> None:
    laid = reinforce(LIGHT, SUBJECT, np.full((8, 32), 255, np.uint8), 0.5)
    assert np.abs(laid.astype(float) - (LIGHT.astype(float) + SUBJECT) / 2).max() <= 0.5


@given(arrays.arrays(np.uint8, (3, 5, 3)), arrays.arrays(np.uint8, (3, 5)), st.floats(0, 1))
def test_shape_type_and_bounds(colour: np.ndarray, alpha: np.ndarray, strength: float) -> None:
    light = LIGHT[:3, :5]
    laid = reinforce(light, colour, alpha, strength)
    assert laid.shape == light.shape and laid.dtype == np.uint8
    assert (laid >= np.minimum(light, colour)).all() and (laid <= np.maximum(light, colour)).all()
    assert np.array_equal(reinforce(light, colour, alpha, 0.0), light)
    assert np.array_equal(laid[alpha == 0], light[alpha == 0])

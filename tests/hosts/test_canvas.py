"""Strokes on gradio 3's sketch pad, which gives the picture with the strokes on it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageDraw

from lib_iclight.hosts.canvas import SketchPad


@given(arrays(np.uint8, st.tuples(st.integers(1, 8), st.integers(1, 8), st.just(3))))
def test_no_picture_looks_like_strokes(pixels: np.ndarray) -> None:
    shown = SketchPad.shown(None, Image.fromarray(pixels))
    assert np.asarray(SketchPad.strokes(shown))[..., 3].max() == 0
    assert np.abs(np.asarray(shown).astype(int) - pixels).max() <= 8, "and it is seen as it is"


def test_white_and_black_are_read_back_where_they_were_painted() -> None:
    """Upon white and black, too."""
    picture = Image.new("RGB", (40, 20), "white")
    picture.paste("black", (20, 0, 40, 20))
    painted = SketchPad.shown(None, picture)
    ImageDraw.Draw(painted).rectangle((2, 2, 30, 5), "white")
    ImageDraw.Draw(painted).rectangle((10, 12, 38, 15), "black")
    strokes = np.asarray(SketchPad.strokes(painted))
    expected = np.zeros((20, 40, 4), np.uint8)
    expected[2:6, 2:31] = 255
    expected[12:16, 10:39, 3] = 255
    assert np.array_equal(strokes, expected)


def test_without_a_picture_there_are_no_strokes() -> None:
    assert SketchPad.strokes(None) is None

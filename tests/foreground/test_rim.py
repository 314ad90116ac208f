"""The benchmark's figure for what a cut-out leaves of the old background."""

from __future__ import annotations

import numpy as np
import pytest

from iclight_workshop.benchmarks.rim import find_rim, measure_leftover

RED, BLUE = np.array([220.0, 40, 30]), np.array([20.0, 60, 200])
SHARE = np.tile(np.linspace(1.5, -0.5, 200).clip(0, 1), (100, 1))
"""An upright edge 100 pixels wide."""

PHOTO = np.rint(SHARE[..., None] * RED + (1 - SHARE[..., None]) * BLUE).astype(np.uint8)
ALPHA = np.rint(SHARE * 255).astype(np.uint8)
SOFT = (ALPHA > 5) & (ALPHA < 250)


def test_the_true_colours_leave_nothing() -> None:
    rim = find_rim(PHOTO, [ALPHA])
    assert measure_leftover(rim, np.full_like(PHOTO, 1) * RED.astype(np.uint8), ALPHA) == pytest.approx(
        (0, 0), abs=0.01
    )


def test_the_photos_own_colours_leave_what_is_mixed_in() -> None:
    """Of each pixel's alpha, one minus alpha."""
    share, amount = measure_leftover(find_rim(PHOTO, [ALPHA]), PHOTO, ALPHA)
    left = (SHARE * (1 - SHARE))[SOFT].sum()
    assert share == pytest.approx(left / SHARE[SOFT].sum(), abs=0.03)
    assert amount == pytest.approx(left / 100, rel=0.03), "the edge is a hundred pixels long"


def test_an_alpha_that_is_too_wide_leaves_background_whatever_the_colours() -> None:
    narrow = np.where(SHARE > 0.5, np.uint8(255), np.uint8(0))
    wide = np.roll(narrow, 20, axis=1)
    rim = find_rim(PHOTO, [narrow, wide])
    assert measure_leftover(rim, PHOTO, wide)[1] > measure_leftover(rim, PHOTO, narrow)[1] + 5


def test_what_has_the_backgrounds_colour_can_not_be_told() -> None:
    grey = np.full_like(PHOTO, 128)
    assert measure_leftover(find_rim(grey, [ALPHA]), grey, ALPHA) == (0, 0)

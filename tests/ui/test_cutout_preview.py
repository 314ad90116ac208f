"""The cut-out that the panel shows, and what is painted on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from iclight_standalone.host import standalone_host
from iclight_standalone.sampler import State
from lib_iclight.errors import ICLightError
from lib_iclight.ui.cutout_preview import PREVIEW_SIZE, paint_over, preview_cutout

HOST = standalone_host([Path("nowhere")], State())
RED, WHITE, BLACK = (200, 20, 30), (255, 255, 255, 255), (0, 0, 0, 255)


def photo(width: int = 200, height: int = 120) -> Image.Image:
    """Red in the middle, cut out by its own transparency."""
    image = Image.new("RGBA", (width, height), (20, 200, 30, 0))
    ImageDraw.Draw(image).rectangle((width // 4, height // 4, width * 3 // 4, height * 3 // 4), (*RED, 255))
    return image


def strokes(*boxes: tuple[tuple[int, int, int, int], tuple], size: tuple[int, int] = (200, 120)) -> Image.Image:
    """What the canvas gives: transparent but for what was painted."""
    layer = Image.new("RGBA", size, (0, 0, 0, 0))
    for box, colour in boxes:
        ImageDraw.Draw(layer).rectangle(box, colour)
    return layer


def show(subject: Any, mask: Any = None, painted: Any = None, cutout: str = "auto") -> tuple[Any, Image.Image]:
    mask = paint_over(mask, painted)
    return mask, preview_cutout(subject, cutout, 0, 0, mask, HOST)


def is_cut_away(seen: Image.Image, x: int, y: int) -> bool:
    """Whether the board shows through: its greys stand in for most of the colour."""
    red, green, blue = seen.getpixel((x, y))
    return abs(red - blue) < 60 and abs(green - blue) < 60


def test_what_is_cut_away_is_faint() -> None:
    mask, seen = show(photo())
    assert mask is None and seen.size == (200, 120)
    assert seen.getpixel((100, 60)) == RED
    assert is_cut_away(seen, 10, 60)
    corner = np.asarray(seen)[:16, :16].reshape(-1, 3)
    assert len(np.unique(corner, axis=0)) == 1 and corner[0].tolist() != np.asarray(seen)[0, 16].tolist()


def test_white_adds_and_black_takes_away_and_both_are_kept() -> None:
    mask, seen = show(photo(), None, strokes(((0, 50, 30, 70), WHITE)))
    assert not is_cut_away(seen, 10, 60) and seen.getpixel((100, 60)) == RED
    mask, seen = show(photo(), mask, strokes(((90, 50, 110, 70), BLACK)))
    assert not is_cut_away(seen, 10, 60) and is_cut_away(seen, 100, 60) and not is_cut_away(seen, 60, 60)
    again, seen_again = show(photo(), mask, strokes())
    assert again is mask and np.array_equal(np.asarray(seen), np.asarray(seen_again))


def test_an_uploaded_mask_is_painted_over() -> None:
    uploaded = Image.new("L", (200, 120), 0)
    ImageDraw.Draw(uploaded).rectangle((0, 0, 99, 119), 255)
    _, seen = show(photo(), uploaded)
    assert not is_cut_away(seen, 10, 10) and is_cut_away(seen, 140, 60)
    _, seen = show(photo(), uploaded, strokes(((130, 50, 150, 70), WHITE)))
    assert not is_cut_away(seen, 10, 10) and not is_cut_away(seen, 140, 60) and is_cut_away(seen, 180, 100)


def test_a_stroke_leaves_a_large_masks_detail() -> None:
    """A line of one pixel would be gone at the canvas's size."""
    fine = Image.new("L", (2000, 1200), 0)
    fine.paste(255, (1501, 0, 1502, 1200))
    mask, _ = show(photo(2000, 1200), fine, strokes(((0, 0, 99, 119), WHITE)))
    assert mask.size == fine.size
    assert [mask.getpixel((x, 900))[0] for x in (1500, 1501, 1502)] == [0, 255, 0]
    assert mask.getpixel((900, 900))[0] == 255 and mask.getpixel((1100, 900))[0] == 0


def test_a_stroke_on_a_small_mask_stays_fine() -> None:
    mask, _ = show(photo(), Image.new("L", (20, 12), 0), strokes(((33, 0, 33, 119), WHITE)))
    assert [mask.getpixel((x, 60))[0] for x in (32, 33, 34)] == [0, 255, 0]


@pytest.mark.parametrize("painted", [None, strokes(((0, 0, 99, 119), WHITE))], ids=["alone", "painted on"])
def test_a_mask_of_other_proportions_is_refused_with_a_stroke_too(painted: Image.Image | None) -> None:
    with pytest.raises(ICLightError, match="200×200 pixels and doesn't fit the subject's 200×120"):
        show(photo(), Image.new("L", (200, 200), 255), painted)


def test_large_pictures_are_shown_smaller_and_painted_on_at_that_size() -> None:
    large = photo(3000, 1800)
    _, seen = show(large)
    assert max(seen.size) == PREVIEW_SIZE
    mask, seen = show(large, None, strokes(((0, 0, 100, 100), WHITE), size=seen.size))
    assert mask.size == seen.size and not is_cut_away(seen, 50, 50) and is_cut_away(seen, 150, 50)


def test_without_cutting_out_the_picture_is_shown_as_it_is() -> None:
    picture = photo().convert("RGB")
    assert np.array_equal(np.asarray(show(picture, cutout="none")[1]), np.asarray(picture))


def test_what_can_not_be_shown_is_said() -> None:
    with pytest.raises(ICLightError, match="no picture in Subject"):
        show(None, painted=strokes(((0, 0, 9, 9), WHITE)))
    with pytest.raises(ICLightError, match="mask"):
        show(photo(), Image.new("L", (100, 400), 255))


@pytest.mark.parametrize("hidden", [0, 255])
def test_what_is_hidden_under_transparency_is_not_seen(hidden: int) -> None:
    """What is cut away is shown faintly, but not what its picture hides there."""
    picture = photo()
    picture.paste((hidden, 20, 255 - hidden, 0), (0, 0, 40, 120))
    _, seen = show(picture)
    _, other = show(photo())
    assert np.array_equal(np.asarray(seen), np.asarray(other))

"""Both steps together, on originals that were fitted as the condition is."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import Image

from lib_iclight.finish import finish, keep_colour, transfer_detail
from lib_iclight.foreground.resize import resize_and_centre_crop
from lib_iclight.srgb import to_display, to_linear

from .scene import LETTERS, SIZE, Ink, garbled, label, likeness

Figure = Callable[[str, float], float]
FITS = [
    ((900, 600), (512, 768), (768, 1152)),
    ((600, 900), (768, 512), (1152, 768)),
    ((1021, 767), (512, 512), (1024, 1024)),
    ((333, 1001), (640, 448), (960, 672)),
    ((1200, 411), (448, 640), (896, 1280)),
    ((257, 383), (512, 768), (1024, 1536)),
]
"""An original's size, the first pass's and the result's, as width and height."""


def marked(width: int, height: int) -> Image.Image:
    """Soft white discs on black, where every fit shows them."""
    rows, columns = np.mgrid[:height, :width]
    across = min(width, height)
    marks = np.zeros((height, width))
    for x, y in ((-0.15, -0.15), (0.15, 0.05), (-0.05, 0.15)):
        distance = np.hypot(columns + 0.5 - width / 2 - x * across, rows + 0.5 - height / 2 - y * across)
        marks = np.maximum(marks, np.clip(across * 0.05 - distance + 0.5, 0, 1))
    return Image.fromarray(np.repeat(np.rint(marks * 255).astype(np.uint8)[..., None], 3, -1))


def centres(picture: Image.Image) -> np.ndarray:
    """The three discs' centres in pixels, by row."""
    grey = np.asarray(picture.convert("L"))
    _, _, _, found = cv2.connectedComponentsWithStats((grey > 127).astype(np.uint8))
    return found[1:][np.argsort(found[1:, 1])]


@pytest.mark.parametrize(("original", "first", "size"), FITS)
def test_an_original_of_another_shape_lines_up_within_a_pixel(
    original: tuple[int, int], first: tuple[int, int], size: tuple[int, int], figure: Figure
) -> None:
    """What the model saw in its first pass, enlarged to the result, beside what the finish takes details from.

    The last pass saw exactly the latter: a condition is fitted for the size that is sampled.
    """
    picture = marked(*original)
    seen = resize_and_centre_crop(picture, *first).resize(size, Image.Resampling.LANCZOS)
    used = resize_and_centre_crop(picture, *size)
    assert len(centres(used)) == 3
    assert figure("marks apart, in pixels", np.hypot(*(centres(seen) - centres(used)).T).max()) <= 1
    grey = [np.asarray(each.convert("L"), np.float64) for each in (seen, used)]
    assert figure("phase correlation, in pixels", float(np.hypot(*cv2.phaseCorrelate(*grey)[0]))) <= 1


@pytest.mark.parametrize("strip", [(0, 260), (260, 0)])
def test_details_return_from_an_original_of_another_shape(strip: tuple[int, int], figure: Figure) -> None:
    """A label that was photographed wider or taller than it is relit; twice as large, too."""
    scene = label(Ink.SOFT)
    margin = ((strip[1], strip[1]), (strip[0], strip[0]), (0, 0))
    wide = Image.fromarray(np.pad(scene.original, margin, mode="edge"))
    larger = wide.resize((2 * wide.width, 2 * wide.height), Image.Resampling.LANCZOS)
    original = np.asarray(resize_and_centre_crop(larger, SIZE, SIZE))
    result = garbled(scene.truth, scene.ink)
    finished = finish(result, original, None, detail_alpha=None, detail_transfer=1.0, detail_radius=1.25)
    assert likeness(result, scene.truth, LETTERS) <= 0.3
    assert figure("likeness to the true letters", likeness(finished, scene.truth, LETTERS)) >= 0.9


def test_details_first_then_colours_of_the_subject_alone() -> None:
    scene = label(Ink.SOFT)
    result = garbled(scene.truth, scene.ink)
    alpha = np.zeros((SIZE, SIZE), np.uint8)
    alpha[:, 100:500] = 255
    share = alpha.astype(np.float32) / 255
    finished = finish(
        result, scene.original, alpha, detail_alpha=alpha, detail_transfer=0.8, detail_radius=1.25, colour_keep=0.6
    )
    detailed = transfer_detail(result, scene.original, share, 0.8, 8.0)
    assert np.array_equal(finished, keep_colour(detailed, scene.original, share, 0.6))
    everywhere = finish(
        result, scene.original, alpha, detail_alpha=None, detail_transfer=0.8, detail_radius=1.25, colour_keep=0.6
    )
    detailed = transfer_detail(result, scene.original, None, 0.8, 8.0)
    assert np.array_equal(everywhere[share == 0], detailed[share == 0])
    assert (everywhere[share == 0] != result[share == 0]).any()


def test_both_together_come_back_to_the_truth_of_white_light(figure: Figure) -> None:
    """Garbled and tinted: with both steps the label is what it would be in a light as bright and without a tint."""
    scene = label(Ink.SOFT)
    result = garbled(scene.truth, scene.ink)
    finished = finish(
        result, scene.original, None, detail_alpha=None, detail_transfer=1.0, detail_radius=1.25, colour_keep=1.0
    )
    light = to_linear(scene.truth) @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    own = to_linear(scene.original)
    own *= (light / np.maximum(own @ np.array([0.2126, 0.7152, 0.0722], np.float32), 1e-6))[..., None]
    error, before = (np.abs(each.astype(int) - to_display(own)).mean() for each in (finished, result))
    assert figure("mean levels off before", before) >= 8
    assert figure("after", error) <= 2


def test_without_strength_the_bytes_are_the_result_s() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 50, 3)).astype(np.uint8)
    assert np.array_equal(finish(picture, picture[::-1], None, detail_alpha=None), picture)


def test_sizes_must_agree() -> None:
    picture = np.zeros((40, 50, 3), np.uint8)
    with pytest.raises(ValueError, match="50×40"):
        finish(picture, picture[1:], None, detail_alpha=None)
    with pytest.raises(ValueError, match="50×40"):
        finish(picture, picture, np.zeros((50, 40), np.uint8), detail_alpha=None)

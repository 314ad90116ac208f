from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from lib_iclight.errors import ICLightError
from lib_iclight.foreground import CENTRED, Placement, place_picture, resize_and_centre_crop

NOISE = np.random.default_rng(3).integers(0, 256, (300, 300, 3), np.uint8)


EIGHTS = st.integers(1, 48).map(lambda eighths: 8 * eighths)
"""The sizes that are sampled. (At odd ones the reference's crop is off by one.)"""


def covered(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Lanczos to `int(round(side * max(w / W, h / H)))`, then the middle, halves of a pixel rounded to even."""
    tall, wide = pixels.shape[:2]
    scale = max(width / wide, height / tall)
    size = int(round(wide * scale)), int(round(tall * scale))  # noqa: RUF046
    large = np.asarray(Image.fromarray(pixels).resize(size, Image.LANCZOS))
    left, top = round((size[0] - width) / 2), round((size[1] - height) / 2)
    assert left >= 0 and top >= 0
    return large[top : top + height, left : left + width]


@given(
    st.tuples(st.integers(8, 300), st.integers(8, 300)),
    st.tuples(EIGHTS, EIGHTS),
)
def test_fitted_as_by_the_formula(source: tuple[int, int], target: tuple[int, int]) -> None:
    pixels = NOISE[: source[1], : source[0]]
    fitted = resize_and_centre_crop(Image.fromarray(pixels), *target)
    assert fitted.size == target
    assert np.array_equal(np.asarray(fitted), covered(pixels, *target))


@given(st.integers(1, 30), st.integers(1, 30), EIGHTS, EIGHTS)
def test_any_size_comes_out_as_asked(wide: int, tall: int, width: int, height: int) -> None:
    assert resize_and_centre_crop(Image.new("RGB", (wide, tall)), width, height).size == (width, height)


def test_a_picture_of_the_size_is_left_alone() -> None:
    fitted = resize_and_centre_crop(Image.fromarray(NOISE[:64, :96]), 96, 64)
    assert np.array_equal(np.asarray(fitted), NOISE[:64, :96])


def test_the_middle_is_kept() -> None:
    pixels = np.zeros((10, 30, 3), np.uint8)
    pixels[:, 10:20] = 200
    assert (np.asarray(resize_and_centre_crop(Image.fromarray(pixels), 10, 10)) == 200).all()
    turned = Image.fromarray(pixels.swapaxes(0, 1))
    assert (np.asarray(resize_and_centre_crop(turned, 10, 10)) == 200).all()


@pytest.mark.parametrize("size", [(1, 4096), (4096, 1), (1, 60_000_000)])
def test_strips_that_would_fill_all_memory_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(ICLightError, match=rf"{size[0]}×{size[1]}.*too narrow to fill 1024×1024.*Crop"):
        resize_and_centre_crop(Image.new("L", size), 1024, 1024)


SOURCES = st.tuples(st.integers(8, 300), st.integers(8, 300))


@given(SOURCES, st.tuples(EIGHTS, EIGHTS), st.integers(0, 255))
def test_in_the_middle_at_scale_1_it_is_the_reference_s_crop(
    source: tuple[int, int], target: tuple[int, int], beyond: int
) -> None:
    image = Image.fromarray(NOISE[: source[1], : source[0]])
    plain = np.asarray(resize_and_centre_crop(image, *target))
    assert np.array_equal(np.asarray(place_picture(image, *target, CENTRED, beyond)), plain)
    mirrored = place_picture(
        image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), *target, Placement(mirrored=True), beyond
    )
    assert np.array_equal(np.asarray(mirrored), plain)


@given(
    SOURCES,
    st.tuples(EIGHTS, EIGHTS),
    st.tuples(st.floats(-1, 2), st.floats(-1, 2)),
    st.floats(0.05, 2),
    st.integers(0, 255),
)
def test_a_picture_lies_around_its_place(
    source: tuple[int, int], target: tuple[int, int], middle: tuple[float, float], scale: float, beyond: int
) -> None:
    """A plain picture: where it lies is seen by its colour."""
    image = Image.new("RGB", source, (255 - beyond, 200, beyond))
    placed = np.asarray(place_picture(image, *target, Placement(*middle, scale), beyond))
    assert placed.shape == (target[1], target[0], 3)
    factor = scale * max(target[0] / source[0], target[1] / source[1])
    inside = placed[..., 1] == 200 if beyond != 200 else (placed != beyond).any(axis=-1)
    assert (placed[~inside] == beyond).all()
    for axis, (share, size, length) in enumerate(zip(middle, source, target, strict=True)):
        expected = share * length - factor * size / 2, share * length + factor * size / 2
        present = np.flatnonzero(inside.any(axis=axis))
        if present.size:
            assert abs(present[0] - max(expected[0], 0)) <= 1.01
            assert abs(present[-1] + 1 - min(expected[1], length)) <= 1.01


def test_a_picture_that_would_be_enlarged_beyond_all_memory_is_refused() -> None:
    with pytest.raises(ICLightError, match="make subject_scale smaller"):
        place_picture(Image.new("RGB", (1000, 100)), 2048, 2048, Placement(scale=4), 127)

"""A subject in the frame: whatever is made of it lies in one place."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
import pytest

from iclight_standalone.host import standalone_host
from iclight_standalone.sampler import State
from lib_iclight.condition import fit_picture
from lib_iclight.errors import ICLightError
from lib_iclight.finish import lay_over, reinforce
from lib_iclight.foreground import CENTRED, CutoutSettings, Foreground, Placement, cut_out
from lib_iclight.hosts import TabFit
from lib_iclight.lights import Window, add_lights, check_lights
from lib_iclight.pictures import Picture
from lib_iclight.result import full_size_of
from lib_iclight.subject import Subject
from lib_iclight.weights import read_catalogue

HOST = standalone_host([], State())

BOX = (70, 40, 150, 200)
"""Where the subject is in its picture: left, top, right, bottom."""

WIDTH, HEIGHT = 240, 320


def cut(has_alpha: bool = True) -> Foreground:
    """A bright red box before a blue wall, or in front of nothing."""
    rgb = np.full((HEIGHT, WIDTH, 3), (20, 40, 200), np.uint8)
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    inside = np.s_[BOX[1] : BOX[3], BOX[0] : BOX[2]]
    rgb[inside], alpha[inside] = (250, 30, 20), 255
    settings = CutoutSettings("none", mask=Picture(np.repeat(alpha[..., None], 3, axis=2)))
    return cut_out(Picture(rgb), settings if has_alpha else CutoutSettings("none"), read_catalogue([]))


def find_box(there: np.ndarray) -> np.ndarray:
    """Left, top, right, bottom of what is True."""
    rows, columns = np.flatnonzero(there.any(axis=1)), np.flatnonzero(there.any(axis=0))
    return np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])


def expected_box(placement: Placement, size: tuple[int, int]) -> np.ndarray:
    """By hand: the picture covers the frame times the scale, its middle at x and y."""
    scale = placement.scale * max(size[0] / WIDTH, size[1] / HEIGHT)
    left, top, right, bottom = BOX
    if placement.mirrored:
        left, right = WIDTH - right, WIDTH - left
    corner = placement.x * size[0] - scale * WIDTH / 2, placement.y * size[1] - scale * HEIGHT / 2
    box = [corner[0] + scale * left, corner[1] + scale * top, corner[0] + scale * right, corner[1] + scale * bottom]
    return np.clip(box, 0, [*size, *size])


def random_places() -> Iterator[tuple[Placement, tuple[int, int]]]:
    random = np.random.default_rng(11)
    for _ in range(20):
        x, y = random.uniform(0.2, 0.8, 2)
        size = 8 * int(random.integers(12, 64)), 8 * int(random.integers(12, 64))
        yield Placement(x, y, random.uniform(0.3, 1.6), bool(random.integers(2))), size


@pytest.mark.parametrize(("place", "factor"), list(product(random_places(), (1.0, 1.5))))
def test_all_that_is_made_of_it_lies_in_one_place(place: tuple[Placement, tuple[int, int]], factor: float) -> None:
    """In the first pass and in a hires pass."""
    placement, size = place[0], (int(place[1][0] * factor) // 8 * 8, int(place[1][1] * factor) // 8 * 8)
    subject = Subject(cut(), placement)
    expected = expected_box(placement, size)
    if min(expected[2] - expected[0], expected[3] - expected[1]) < 3:
        pytest.skip("next to nothing of it is in the frame")
    alpha = subject.alpha_at(HOST, size)
    assert alpha is not None
    condition = fit_picture(HOST, subject.source, *size)
    black = np.zeros((size[1], size[0], 3), np.uint8)
    white = np.full_like(black, 255)
    front = add_lights(
        check_lights("lights", "front softness 0.02"),
        Window.whole(*size),
        Picture(np.repeat(alpha[..., None], 3, axis=2)),
    )
    boxes = {
        "alpha": find_box(alpha > 127),
        "condition": find_box(condition[..., 0] > 127 + 61),
        "in place": find_box(lay_over(white, alpha, black)[..., 0] > 127),
        "reinforced": find_box(reinforce(black, subject.colour_at(HOST, size), alpha, 1.0)[..., 0] > 125),
        "front light": find_box(front[..., 0] >= 1),
    }
    for name, box in boxes.items():
        assert np.abs(box - expected).max() <= 1.01, name
    colour = subject.colour_at(HOST, size)
    assert (np.abs(colour[alpha == 255].astype(int) - (250, 30, 20)) <= 1).all(), "details and colours"


def test_a_picture_s_place_is_told_where_it_doesn_t_fill_the_frame() -> None:
    small = Subject(cut(has_alpha=False), Placement(scale=0.5))
    box = find_box(small.picture_at(HOST, (240, 320)) > 0)
    assert box.tolist() == [60, 80, 180, 240]
    assert np.array_equal(small.alpha_at(HOST, (240, 320)), small.picture_at(HOST, (240, 320)))
    for placement in (CENTRED, Placement(mirrored=True)):
        assert Subject(cut(has_alpha=False), placement).alpha_at(HOST, (240, 320)) is None


def test_it_is_filled_in_from_around() -> None:
    surroundings = fit_picture(HOST, Subject(cut()).surroundings(), WIDTH, HEIGHT)
    assert (np.abs(surroundings.astype(int) - (20, 40, 200)) <= 2).all()
    moved = Subject(cut(), Placement(0.3, 0.4, 0.5))
    assert np.array_equal(moved.surroundings_at(HOST, (WIDTH, HEIGHT)), surroundings), "the room stays where it is"


@pytest.mark.parametrize("has_alpha", [False, True])
def test_without_surroundings_there_is_no_room_to_keep(has_alpha: bool) -> None:
    foreground = cut(has_alpha=False)
    if has_alpha:
        rgb, alpha = foreground.whole, np.zeros((HEIGHT, WIDTH), np.uint8)
        alpha[BOX[1] : BOX[3], BOX[0] : BOX[2]] = 255
        foreground = cut_out(Picture(rgb, alpha), CutoutSettings("none"), read_catalogue([]))
    with pytest.raises(ICLightError, match="shows nothing around the subject"):
        Subject(foreground).surroundings()


@pytest.mark.parametrize("placement", [Placement(x=2.0, scale=0.5), Placement(y=-1.0, scale=0.3), Placement(2, 2)])
def test_wholly_outside_is_refused(placement: Placement) -> None:
    with pytest.raises(ICLightError, match="Nothing of the subject is in the frame"):
        Subject(cut(), placement).check_in_frame(HOST, (256, 256))


@pytest.mark.parametrize(
    ("placement", "fit", "frame", "full"),
    [
        (CENTRED, None, (120, 160), (240, 320)),
        (CENTRED, None, (160, 160), (240, 240)),
        (CENTRED, None, (64, 128), (160, 320)),
        (CENTRED, None, (480, 640), (480, 640)),
        (Placement(scale=0.5), None, (120, 160), (480, 640)),
        (Placement(scale=2.0), None, (120, 160), (120, 160)),
        (CENTRED, TabFit(1, 160, 160), (160, 160), (240, 240)),
        (CENTRED, TabFit(2, 160, 160), (160, 160), (320, 320)),
    ],
)
def test_full_size_is_the_picture_s_resolution(
    placement: Placement, fit: TabFit | None, frame: tuple[int, int], full: tuple[int, int]
) -> None:
    assert full_size_of(Subject(cut(), placement, fit), frame) == full


def test_layers_are_fitted_once() -> None:
    subject = Subject(cut(), Placement(0.4, 0.4, 0.7))
    assert subject.colour_at(HOST, (64, 64)) is subject.colour_at(HOST, (64, 64))
    alphas = subject.alpha_at(HOST, (64, 64)), subject.alpha_at(HOST, (64, 64))
    assert np.shares_memory(*alphas)

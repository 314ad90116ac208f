"""The little world: is what is known of a scene what its pictures show?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iclight_workshop.training.world import AMBIENT, SIDES, THINGS, Lighting, Recipe
from lib_iclight.srgb import luminance, to_linear

numbers = st.integers(0, 2**31)


@settings(max_examples=20)
@given(numbers)
def test_a_number_is_a_scene(number: int) -> None:
    first, second = Recipe(number).at(32), Recipe(number).at(32)
    light = Lighting("left", "warm")
    assert np.array_equal(first.draw_picture(light), second.draw_picture(light))
    assert not np.array_equal(first.draw_picture(light), Recipe(number + 1).at(32).draw_picture(light))


@settings(max_examples=20)
@given(numbers)
def test_a_scene_is_the_same_at_every_size(number: int) -> None:
    small, large = Recipe(number).at(32), Recipe(number).at(128)
    pooled = large.alpha.reshape(32, 4, 32, 4).mean(axis=(1, 3))
    assert np.abs(pooled - small.alpha).mean() < 0.01


@settings(max_examples=20)
@given(numbers)
def test_normals_are_unit_vectors_towards_the_viewer(number: int) -> None:
    normals = Recipe(number).at(32).normals
    assert np.allclose(np.linalg.norm(normals, axis=-1), 1)
    assert (normals[..., 2] > 0).all()


def test_a_balls_normals_are_a_balls() -> None:
    scene = Recipe(3, things=("ball",)).at(256)
    rows, columns = np.nonzero(scene.alpha > 0.99)
    radius = np.sqrt(len(rows) / np.pi)
    across, down = (columns - columns.mean()) / radius, (rows - rows.mean()) / radius
    middle = np.hypot(across, down) < 0.8
    expected = 0.85 * across / np.sqrt(np.maximum(1 - across**2 - down**2, 1e-4))  # a solid 0.85 as high as wide
    normals = scene.normals[rows, columns]
    assert np.abs(normals[:, 0] / normals[:, 2] - expected)[middle].max() < 0.05


@settings(max_examples=20)
@given(numbers, st.sampled_from(sorted(SIDES)))
def test_light_falls_on_what_faces_it(number: int, side: str) -> None:
    scene, light = Recipe(number).at(48), Lighting(side, "white")
    seen = scene.alpha > 0.95
    shading = (luminance(to_linear(scene.draw_subject(light))) / luminance(scene.albedo.astype(np.float32)))[..., 0]
    facing = scene.normals @ light.compute_direction()
    # display values are whole numbers and clipped: bright and very dark places tell less
    assert np.corrcoef(shading[seen], np.clip(facing[seen], 0, None))[0, 1] > 0.9


@settings(max_examples=20)
@given(numbers, st.sampled_from(sorted(SIDES)))
def test_the_wall_is_brighter_towards_the_light(number: int, side: str) -> None:
    wall = Recipe(number).at(32).draw_background(Lighting(side, "white")).mean(axis=-1)
    wall = wall if side in ("left", "right") else wall.T
    near, far = (wall[:, :8], wall[:, -8:]) if side in ("left", "top") else (wall[:, -8:], wall[:, :8])
    assert near.mean() > far.mean() + 20


def test_light_has_its_colour() -> None:
    scene = Recipe(4).at(48)
    seen = scene.alpha > 0.95
    white, red = (
        to_linear(scene.draw_subject(Lighting("left", colour)))[seen].mean(axis=0) for colour in ("white", "red")
    )
    assert np.allclose(red / white, (1.0, 0.26, 0.2), atol=0.06)


@pytest.mark.parametrize("thing", THINGS)
def test_every_thing_has_an_inside_and_an_outside(thing: str) -> None:
    for number in range(8):
        alpha = Recipe(number, things=(thing,)).at(64).alpha
        assert 0.08 < alpha.mean() < 0.75
        edge = np.concatenate([alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]])
        assert edge.mean() < 0.2
        assert ((alpha > 0) & (alpha < 1)).any()


def test_a_picture_is_its_parts() -> None:
    scene, light = Recipe(5).at(48), Lighting("top", "blue")
    picture, alpha = scene.draw_picture(light), scene.alpha
    assert np.array_equal(picture[alpha == 1], scene.draw_subject(light)[alpha == 1])
    assert np.array_equal(picture[alpha == 0], scene.draw_background(light, with_shadow=True)[alpha == 0])
    assert np.array_equal(scene.composite(scene.draw_subject(AMBIENT), 127)[alpha == 0][0], [127, 127, 127])


def test_the_shadow_falls_away_from_the_light() -> None:
    scene = Recipe(3, things=("ball",)).at(128)
    light = Lighting("left", "white")
    bare, shadowed = (scene.draw_background(light, each).mean(axis=-1) for each in (False, True))
    darkened = bare - shadowed
    assert darkened.min() >= 0
    columns = np.arange(128)
    assert (darkened.sum(axis=0) @ columns) / darkened.sum() > (scene.alpha.sum(axis=0) @ columns) / scene.alpha.sum()

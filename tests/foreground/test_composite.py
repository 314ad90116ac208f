from __future__ import annotations

import numpy as np

from lib_iclight.foreground import composite_on_grey


def test_every_colour_under_every_alpha_is_truncated_from_the_exact_mixture() -> None:
    colour, alpha = np.meshgrid(np.arange(256), np.arange(256))
    rgb = np.stack([colour, 255 - colour, np.full_like(colour, 127)], axis=-1)
    mixed = composite_on_grey(rgb.astype(np.uint8), alpha.astype(np.uint8))
    assert mixed.dtype == np.uint8 and mixed.shape == rgb.shape
    exact, rest = np.divmod(127 * 255 + (rgb - 127) * alpha[..., None], 255)  # whole numbers: nothing is rounded
    off = exact - mixed
    # float32, which the reference mixes in too, just misses two of the mixtures that are whole numbers
    assert sorted(zip(rgb[off != 0], alpha[off.any(axis=-1)], strict=True)) == [
        (8, 135),
        (8, 135),
        (22, 153),
        (22, 153),
    ]
    assert set(off[off != 0]) == {1} and not rest[off != 0].any()


def test_opaque_is_the_picture_and_transparent_is_grey() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (9, 5, 3), np.uint8)
    assert np.array_equal(composite_on_grey(rgb, np.full((9, 5), 255, np.uint8)), rgb)
    assert (composite_on_grey(rgb, np.zeros((9, 5), np.uint8)) == 127).all()


def test_what_is_handed_over_is_left_as_it_is() -> None:
    rgb, alpha = np.full((3, 3, 3), 200, np.uint8), np.full((3, 3), 100, np.uint8)
    composite_on_grey(rgb, alpha)
    assert (rgb == 200).all() and (alpha == 100).all()

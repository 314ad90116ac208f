from __future__ import annotations

import gc
import weakref
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lib_iclight.condition import Source, encode_condition, encode_picture, fit_picture
from lib_iclight.foreground import resize_and_centre_crop
from lib_iclight.hosts import Encoded, Host, TabFit
from lib_iclight.pictures import Picture


class Vae(torch.nn.Module):
    """Stands for the host's VAE: every latent is the mean of its 8×8 pixels, and their overall mean."""

    def __init__(self, shift: float = 0.0) -> None:
        super().__init__()
        self.shift = shift
        self.encoded: list[torch.Tensor] = []

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        self.encoded.append(pixels.clone())
        means = torch.nn.functional.avg_pool2d((pixels * 2 - 1).movedim(-1, 1), 8)
        return torch.cat([means, means.mean(1, keepdim=True)], 1) + self.shift


class StandInVAE:
    """What is asked of a host's VAE."""

    def __init__(self) -> None:
        self.always_in_tiles = self.short_of_memory = False

    def network(self, sd_model: Any) -> Any:
        return sd_model.forge_objects.vae.first_stage_model

    def encodes_in_tiles(self) -> bool:
        return self.always_in_tiles

    def encode(self, sd_model: Any, pixels: torch.Tensor) -> Encoded:
        return Encoded(self.network(sd_model)(pixels), self.always_in_tiles or self.short_of_memory)


class StandInWebUI:
    """What is asked of a web UI: the img2img tab's resizing."""

    def fit_like_tab(self, image: Image.Image, fit: TabFit) -> Image.Image:
        if fit.crop_region is not None:
            image = image.crop(fit.crop_region)
        return image.resize((fit.width, fit.height), Image.Resampling.NEAREST)


HOST = Host(StandInWebUI(), None, StandInVAE())


def a_model(shift: float = 0.0) -> Any:
    return SimpleNamespace(forge_objects=SimpleNamespace(vae=SimpleNamespace(first_stage_model=Vae(shift))))


def encoded(sd_model: Any) -> list[torch.Tensor]:
    return sd_model.forge_objects.vae.first_stage_model.encoded


def plain(value: int, width: int = 64, height: int = 64) -> Source:
    return Source(Picture(np.full((height, width, 3), value, np.uint8)))


def test_grey_127_is_one_half_and_so_zero() -> None:
    sd_model = a_model()
    values = encode_picture(HOST, sd_model, plain(127), 64, 64)
    assert (encoded(sd_model)[0] == 0.5).all()
    assert (values == 0).all() and values.dtype == torch.float32 and values.shape == (1, 4, 8, 8)


@pytest.mark.parametrize("value", [0, 1, 64, 126, 128, 254, 255])
def test_pixels_are_mapped_as_by_the_reference(value: int) -> None:
    """`v / 127 - 1` once the host has mapped 0…1 to -1…1: 255 lies a little beyond 1, and isn't clipped."""
    sd_model = a_model()
    assert torch.allclose(encode_picture(HOST, sd_model, plain(value), 64, 64), torch.tensor(value / 127 - 1))
    (pixels,) = encoded(sd_model)
    assert pixels.dtype == torch.float32 and pixels.shape == (1, 64, 64, 3)
    assert torch.allclose(pixels, torch.tensor(value / 254), atol=1e-7)


def test_colours_keep_their_order_and_place() -> None:
    rgb = np.zeros((16, 24, 3), np.uint8)
    rgb[:8, :8] = (254, 127, 0)
    sd_model = a_model()
    values = encode_picture(HOST, sd_model, Source(Picture(rgb)), 24, 16)
    assert values.shape == (1, 4, 2, 3)
    assert torch.allclose(values[0, :3, 0, 0], torch.tensor([1.0, 0.0, -1.0]), atol=1e-6)
    assert torch.allclose(values[0, :3, 1, 2], torch.tensor([-1.0] * 3), atol=1e-6)


def test_pictures_are_fitted_to_the_size_that_is_sampled() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (50, 90, 3), np.uint8)
    expected = np.asarray(resize_and_centre_crop(Image.fromarray(rgb), 64, 96))
    assert np.array_equal(fit_picture(HOST, Source(Picture(rgb)), 64, 96), expected)


def test_the_tabs_picture_is_fitted_as_the_tab_does() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (50, 90, 3), np.uint8)
    fit = TabFit(0, 64, 64, (10, 5, 74, 37))
    expected = np.asarray(Image.fromarray(rgb[5:37, 10:74]).resize((64, 64), Image.Resampling.NEAREST))
    assert np.array_equal(fit_picture(HOST, Source(Picture(rgb), fit), 64, 64), expected)
    assert fit_picture(HOST, Source(Picture(rgb), fit), 128, 128).shape == (128, 128, 3), "a hires pass's size"


def test_a_latent_is_encoded_once() -> None:
    sd_model = a_model()
    first = encode_picture(HOST, sd_model, plain(9), 64, 64)
    again = encode_picture(HOST, sd_model, plain(9), 64, 64)  # another picture that shows the same
    assert len(encoded(sd_model)) == 1 and torch.equal(first, again)


@pytest.mark.parametrize(
    "other",
    [
        (plain(10), 64, 64),
        (plain(9), 64, 128),
        (plain(9), 128, 64),
        (Source(plain(9).picture, TabFit(0, 64, 64)), 64, 64),
        (Source(plain(9).picture, TabFit(0, 64, 64, (0, 0, 8, 8))), 64, 64),
    ],
    ids=["picture", "height", "width", "tab", "crop"],
)
def test_what_changes_the_latent_is_encoded_anew(other: tuple) -> None:
    sd_model = a_model()
    encode_picture(HOST, sd_model, plain(9), 64, 64)
    encode_picture(HOST, sd_model, *other)
    assert len(encoded(sd_model)) == 2


def test_a_latent_made_of_tiles_is_kept_for_tiles_only() -> None:
    """Never OOM switched off again: the picture is encoded as a whole."""
    sd_model, host = a_model(), Host(StandInWebUI(), None, StandInVAE())
    host.vae.always_in_tiles = True
    for _ in range(2):
        encode_picture(host, sd_model, plain(9), 64, 64)
    assert len(encoded(sd_model)) == 1
    host.vae.always_in_tiles = False
    for _ in range(2):
        encode_picture(host, sd_model, plain(9), 64, 64)
    assert len(encoded(sd_model)) == 2


def test_a_latent_made_of_tiles_for_want_of_memory_is_made_anew() -> None:
    sd_model, host = a_model(), Host(StandInWebUI(), None, StandInVAE())
    host.vae.short_of_memory = True
    encode_picture(host, sd_model, plain(9), 64, 64)
    host.vae.short_of_memory = False
    for _ in range(2):
        encode_picture(host, sd_model, plain(9), 64, 64)
    assert len(encoded(sd_model)) == 2


def test_each_tab_fit_has_its_own_latent() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (64, 80, 3), np.uint8)
    sd_model = a_model()
    fits = [TabFit(0, 64, 64, (0, 0, 8, 8)), TabFit(0, 64, 64, (8, 0, 16, 8)), TabFit(0, 64, 64), None]
    latents = [encode_picture(HOST, sd_model, Source(Picture(rgb), fit), 64, 64) for fit in fits]
    for number, fit in enumerate(fits):
        assert torch.equal(encode_picture(HOST, sd_model, Source(Picture(rgb), fit), 64, 64), latents[number])
    assert len(encoded(sd_model)) == 4
    assert len({tuple(values.flatten().tolist()) for values in latents}) == 4


def test_wide_and_tall_latents_of_one_area_are_told_apart() -> None:
    sd_model = a_model()
    assert encode_picture(HOST, sd_model, plain(9), 64, 128).shape == (1, 4, 16, 8)
    assert encode_picture(HOST, sd_model, plain(9), 128, 64).shape == (1, 4, 8, 16)


def test_each_vae_has_its_own_latents() -> None:
    one, other = a_model(), a_model(shift=1.0)
    assert (encode_picture(HOST, one, plain(127), 64, 64) == 0).all()
    assert (encode_picture(HOST, other, plain(127), 64, 64) == 1).all()
    assert (encode_picture(HOST, one, plain(127), 64, 64) == 0).all()
    assert len(encoded(one)) == len(encoded(other)) == 1


def test_latents_end_with_their_vae() -> None:
    sd_model = a_model()
    known = weakref.ref(encode_picture(HOST, sd_model, plain(3), 64, 64))
    vae = weakref.ref(sd_model.forge_objects.vae.first_stage_model)
    gc.collect()
    assert known() is not None
    del sd_model
    gc.collect()
    assert vae() is None and known() is None


def test_only_the_last_latents_are_kept() -> None:
    sd_model = a_model()
    for value in range(40):
        encode_picture(HOST, sd_model, plain(value, 8, 8), 8, 8)
        encode_picture(HOST, sd_model, plain(0, 8, 8), 8, 8)
    assert len(encoded(sd_model)) == 40, "what is used stays"
    for value in range(9, 40):
        encode_picture(HOST, sd_model, plain(value, 8, 8), 8, 8)
    assert len(encoded(sd_model)) == 40, "thirty-two are kept"
    encode_picture(HOST, sd_model, plain(8, 8, 8), 8, 8)
    assert len(encoded(sd_model)) == 41, "and no more"


# ------------------------------------------------------------------------------------------------ c_concat


def test_one_subject_stands_for_the_whole_batch() -> None:
    condition = encode_condition(HOST, a_model(), [plain(254)], [], 64, 128)
    assert condition.shape == (1, 4, 16, 8) and (condition == 1).all()


def test_each_subject_has_its_row() -> None:
    condition = encode_condition(HOST, a_model(), [plain(0), plain(127), plain(254)], [], 64, 64)
    assert condition.shape == (3, 4, 8, 8)
    assert torch.allclose(condition.mean((1, 2, 3)), torch.tensor([-1.0, 0.0, 1.0]), atol=1e-6)


@pytest.mark.parametrize("subjects", [1, 3])
def test_the_background_follows_the_subject(subjects: int) -> None:
    condition = encode_condition(HOST, a_model(), [plain(127)] * subjects, [plain(254)], 64, 64)
    assert condition.shape == (subjects, 8, 8, 8)
    assert (condition[:, :4] == 0).all() and torch.allclose(condition[:, 4:], torch.tensor(1.0))


def test_subject_and_background_are_encoded_once_for_all_passes() -> None:
    sd_model = a_model()
    for _ in range(3):
        encode_condition(HOST, sd_model, [plain(1), plain(2)], [plain(3)], 64, 64)
    assert len(encoded(sd_model)) == 3


@pytest.mark.parametrize("backgrounds", [[], [plain(200)]])
def test_a_condition_can_be_changed_without_harm(backgrounds: list[Source]) -> None:
    sd_model = a_model()
    first = encode_condition(HOST, sd_model, [plain(50)], backgrounds, 64, 64)
    kept = first.clone()
    first.fill_(99)
    assert torch.equal(encode_condition(HOST, sd_model, [plain(50)], backgrounds, 64, 64), kept)

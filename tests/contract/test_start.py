"""What a pass starts from."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from PIL import Image

from iclight_standalone import reference as oracle
from iclight_workshop.host_bench import Bench, background, encode, mask, subject, tab_picture

from .cases import BASE, BOX, FBC, FC, HEIGHT, TAB, WIDTH, relight


def start_of(recorded: dict) -> torch.Tensor:
    """The noise-free latent that a pass started from, from its noisy one."""
    sigma = recorded["schedule"]["sigmas"][0]
    return (recorded["start"] - sigma * recorded["noise"]) if sigma else recorded["start"]


@pytest.mark.parametrize("light", ["left", "right", "top", "bottom", "ambient"])
def test_txt2img_starts_from_the_light(bench: Bench, light: str, figure: Callable[[str, float], float]) -> None:
    outcome = bench.post("txt2img", BASE | relight(subject=subject(), light=light, light_denoise=0.5))
    assert outcome.status == 200, outcome.detail
    expected = oracle.condition(bench.checkpoint, oracle.light_map(light, WIDTH, HEIGHT))
    assert figure("start", oracle.relative_error(start_of(outcome.passes[0]), expected)) <= 1e-5


@pytest.mark.parametrize("payload", [BASE | FC, BASE | FBC], ids=["no light", "fbc"])
def test_txt2img_else_starts_from_noise(bench: Bench, payload: dict) -> None:
    outcome = bench.post("txt2img", payload)
    (recorded,) = outcome.passes
    sigma = recorded["schedule"]["sigmas"][0]
    assert torch.equal(recorded["start"], recorded["noise"] * sigma)


def test_light_denoise_1_runs_the_whole_schedule(bench: Bench) -> None:
    outcome = bench.post("txt2img", BASE | relight(subject=subject(), light="left", light_denoise=1))
    plain = bench.post("txt2img", BASE)
    assert torch.equal(outcome.passes[0]["schedule"]["sigmas"], plain.passes[0]["schedule"]["sigmas"])


def test_own_light_map(bench: Bench, figure: Callable[[str, float], float]) -> None:
    outcome = bench.post("txt2img", BASE | relight(subject=subject(), light="custom", light_map=background()))
    expected = oracle.condition(bench.checkpoint, oracle.cover(background(), WIDTH, HEIGHT))
    assert figure("start", oracle.relative_error(start_of(outcome.passes[0]), expected)) <= 2e-5


def veiled(hidden: int) -> Image.Image:
    """A picture half of which is transparent; what is hidden there differs."""
    picture = background().convert("RGBA").resize((160, 240))
    picture.paste((hidden, hidden, 255 - hidden, 0), (0, 0, 80, 240))
    picture.paste((hidden, 9, 9, 0), (100, 100, 101, 101))
    return picture


def seen_on(colour: tuple[int, int, int]) -> Image.Image:
    """What such a picture looks like on a plain colour."""
    plain = Image.new("RGBA", (160, 240), (*colour, 255))
    return Image.alpha_composite(plain, veiled(0)).convert("RGB")


@pytest.mark.parametrize("hidden", [0, 255])
def test_a_light_maps_transparent_parts_are_dark(bench: Bench, hidden: int, figure: Callable) -> None:
    outcome = bench.post("txt2img", BASE | relight(subject=subject(), light="custom", light_map=veiled(hidden)))
    assert outcome.status == 200, outcome.detail
    expected = oracle.condition(bench.checkpoint, oracle.cover(seen_on((0, 0, 0)), WIDTH, HEIGHT))
    assert figure("start", oracle.relative_error(start_of(outcome.passes[0]), expected)) <= 2e-5


@pytest.mark.parametrize("hidden", [0, 255])
def test_the_tabs_picture_as_a_light_is_laid_on_the_tabs_colour(bench: Bench, hidden: int, figure: Callable) -> None:
    tab = TAB | {"init_images": [encode(veiled(hidden))]}
    outcome = bench.post("img2img", tab | relight(subject=subject(), light="custom"))
    assert outcome.status == 200, outcome.detail
    white = seen_on((255, 255, 255)).resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    expected = oracle.condition(bench.checkpoint, white)
    assert figure("start", oracle.relative_error(start_of(outcome.passes[0]), expected)) <= 2e-5


@pytest.mark.parametrize("hidden", [0, 255])
def test_a_backgrounds_transparent_parts_are_grey(bench: Bench, hidden: int, figure: Callable) -> None:
    settings = {"model": "iclight_sd15_fbc", "subject": subject(), "background_image": veiled(hidden)}
    outcome = bench.post("txt2img", BASE | relight(**settings))
    assert outcome.status == 200, outcome.detail
    expected = oracle.condition(bench.checkpoint, oracle.cover(seen_on((127, 127, 127)), WIDTH, HEIGHT))
    given = outcome.passes[0]["calls"][0]["c_concat"][:1, 4:]
    assert figure("c_concat", oracle.relative_error(given, expected)) <= 2e-5


def test_the_tabs_picture_is_the_light_map(bench: Bench, figure: Callable[[str, float], float]) -> None:
    outcome = bench.post("img2img", TAB | relight(subject=subject(), light="custom"))
    assert outcome.status == 200, outcome.detail
    expected = oracle.condition(bench.checkpoint, tab_picture(WIDTH, HEIGHT))
    assert figure("start", oracle.relative_error(start_of(outcome.passes[0]), expected)) <= 1e-5


def test_img2img_without_light_starts_from_the_tab(bench: Bench) -> None:
    relit = bench.post("img2img", TAB | relight(cutout="none"))
    plain = bench.post("img2img", TAB)
    assert torch.equal(relit.passes[0]["start"], plain.passes[0]["start"])


def test_light_starts_inside_the_mask_only(bench: Bench, figure: Callable[[str, float], float]) -> None:
    masked = TAB | {
        "mask": encode(mask(WIDTH, HEIGHT, BOX)),
        "mask_blur": 0,
        "inpaint_full_res": False,
        "inpainting_fill": 1,
    }
    outcome = bench.post("img2img", masked | relight(light="left", cutout="none"))
    plain = bench.post("img2img", masked)
    (relit,), (unlit,) = outcome.passes, plain.passes
    inside = torch.zeros(HEIGHT // 8, WIDTH // 8, dtype=torch.bool)
    inside[BOX[1] // 8 : BOX[3] // 8, BOX[0] // 8 : BOX[2] // 8] = True

    light = oracle.condition(bench.checkpoint, oracle.light_map("left", WIDTH, HEIGHT))
    sigma = relit["calls"][0]["timestep"][0]
    given = relit["calls"][0]["input"][-1:]
    # the mask is laid over the start just before the first call of the UNet
    started = given[..., inside] - sigma * relit["noise"][..., inside]
    assert figure("inside", oracle.relative_error(started, light[..., inside])) <= 1e-4

    # to the sampler's rounding, what the mask keeps is the tab's picture
    assert figure("kept", oracle.relative_error(relit["samples"][..., ~inside], relit["x"][..., ~inside])) <= 1e-5
    assert not torch.equal(relit["samples"][..., inside], unlit["samples"][..., inside])


def test_each_init_image_has_its_own_condition(bench: Bench, figure: Callable[[str, float], float]) -> None:
    pictures = [tab_picture(WIDTH, HEIGHT), background().resize((WIDTH, HEIGHT), Image.BICUBIC)]
    payload = TAB | relight(cutout="none") | {"init_images": [encode(each) for each in pictures], "batch_size": 2}
    outcome = bench.post("img2img", payload)
    assert outcome.status == 200, outcome.detail
    expected = torch.cat([oracle.condition(bench.checkpoint, each) for each in pictures])
    for call in outcome.passes[0]["calls"]:
        chunks = len(call["cond_or_uncond"])  # of both prompts at once, or of one after the other
        given = call["c_concat"]
        assert given.shape[0] == 2 * chunks
        assert figure("c_concat", oracle.relative_error(given, expected.repeat(chunks, 1, 1, 1))) <= 1e-5


def test_show_subject_adds_it(bench: Bench) -> None:
    outcome = bench.post("txt2img", BASE | relight(subject=subject(), show_subject=True))
    expected = oracle.cover(oracle.grey_composite(subject()), WIDTH, HEIGHT)
    assert outcome.images[-1].tobytes() == expected.tobytes()
    assert len(outcome.images) == 1 + len(bench.post("txt2img", BASE | FC).images)


def test_infotext_names_the_settings(bench: Bench) -> None:
    outcome = bench.post("txt2img", BASE | relight(subject=subject(), light="left", strength=0.8))
    text = outcome.info["infotexts"][0]
    for setting in (
        "IC-Light model: iclight_sd15_fc.safetensors",
        "IC-Light light: left",
        "IC-Light light denoise: 0.9",
        "IC-Light strength: 0.8",
        "IC-Light cutout: none",  # the subject's own transparency
    ):
        assert setting in text
    assert "IC-Light" not in bench.post("txt2img", BASE).info["infotexts"][0]

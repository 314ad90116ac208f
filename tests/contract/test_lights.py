"""Lights by their values, and the subject's place: what the UNet is given, against pictures drawn another way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import distance_transform_edt

from iclight_standalone import reference as oracle
from iclight_workshop.host_bench import Bench, background, encode, mask, subject, tab_picture

from .cases import BASE, BOX, HIRES, ONLY_MASKED, TAB, panel_subject, relight
from .test_start import start_of

FBC = {"model": "iclight_sd15_fbc", "subject": subject()}

Figure = Callable[[str, float], float]

ROUNDING = 0.02
"""Error of a latent where a few of its picture's pixels are rounded to the level beside: the two ways to a picture
differ by a twentieth of a level where it is dark."""

ANGLES = {"left": 270, "right": 90, "top": 0, "bottom": 180}


def to_linear(display: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1, of 0…1."""
    return np.where(display <= 0.04045, display / 12.92, ((display + 0.055) / 1.055) ** 2.4)


def to_picture(light: np.ndarray) -> Image.Image:
    """Linear light as a picture."""
    light = light.clip(0, 1)
    display = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return Image.fromarray(np.rint(display * 255).astype(np.uint8))


def red_and_blue(width: int, height: int) -> np.ndarray:
    """A red ramp from the left and a blue one, half as bright, from the right; in linear light."""
    ramp = to_linear(np.linspace(255, 0, width).astype(np.uint8) / 255)
    light = np.zeros((height, width, 3))
    light[..., 0], light[..., 2] = ramp, ramp[::-1] / 2
    return light


RED_AND_BLUE = "side angle 270 colour #ff0000; side angle 90 colour #0000ff brightness 0.5"


@pytest.mark.parametrize("side", ANGLES)
def test_a_white_side_light_is_the_side_s_name(bench: Bench, side: str) -> None:
    lit = bench.post("txt2img", BASE | relight(subject=subject(), lights=[{"kind": "side", "angle": ANGLES[side]}]))
    assert lit.status == 200, lit.detail
    named = bench.post("txt2img", BASE | relight(subject=subject(), light=side))
    assert torch.equal(lit.passes[0]["start"], named.passes[0]["start"])
    assert lit.images[-1].tobytes() == named.images[-1].tobytes()


@pytest.mark.parametrize("side", ANGLES)
def test_a_wall_in_a_white_side_light_is_the_side_s_name(bench: Bench, side: str) -> None:
    lights = f"side angle {ANGLES[side]}"
    lit = bench.post("txt2img", BASE | relight(**FBC, background="lights", lights=lights))
    assert lit.status == 200, lit.detail
    named = bench.post("txt2img", BASE | relight(**FBC, background=side))
    assert torch.equal(lit.passes[0]["calls"][0]["c_concat"], named.passes[0]["calls"][0]["c_concat"])
    assert lit.images[-1].tobytes() == named.images[-1].tobytes()


def test_it_starts_from_all_lights(bench: Bench, figure: Figure) -> None:
    outcome = bench.post("txt2img", BASE | HIRES | relight(subject=subject(), lights=RED_AND_BLUE, light_denoise=0.5))
    assert outcome.status == 200, outcome.detail
    height, width = (8 * side for side in outcome.passes[0]["x"].shape[-2:])
    expected = oracle.condition(bench.checkpoint, to_picture(red_and_blue(width, height)))
    assert figure("start", oracle.relative_error(start_of(outcome.passes[0]), expected)) <= 2e-5
    assert "IC-Light lights: side angle 270 colour #ff0000; side angle 90 brightness 0.5" in str(outcome.info)


def test_lights_are_added_to_one_s_own_light_map(bench: Bench, figure: Figure) -> None:
    settings = {"subject": subject(), "light": "custom", "light_map": background(), "lights": RED_AND_BLUE}
    outcome = bench.post("txt2img", BASE | relight(**settings))
    assert outcome.status == 200, outcome.detail
    height, width = (8 * side for side in outcome.passes[0]["x"].shape[-2:])
    own = to_linear(np.asarray(oracle.cover(background(), width, height)) / 255)
    expected = oracle.condition(bench.checkpoint, to_picture(own + red_and_blue(width, height)))
    assert figure("start", oracle.relative_error(start_of(outcome.passes[0]), expected)) <= ROUNDING


def test_lights_shine_on_the_background(bench: Bench, figure: Figure) -> None:
    lights = RED_AND_BLUE + "; ambient brightness 0.25"
    outcome = bench.post("txt2img", BASE | HIRES | relight(**FBC, background_image=background(), lights=lights))
    assert outcome.status == 200, outcome.detail
    for recorded in outcome.passes:
        height, width = (8 * side for side in recorded["x"].shape[-2:])
        plain = to_linear(np.asarray(oracle.cover(background(), width, height)) / 255)
        lit = to_picture(plain * (red_and_blue(width, height) + 0.25))
        expected = oracle.condition(bench.checkpoint, *panel_subject(width, height), lit)
        given = recorded["calls"][0]["c_concat"][:1]
        assert figure("lit background", oracle.relative_error(given, expected)) <= ROUNDING


def test_with_only_masked_lights_fall_on_the_whole_picture(bench: Bench, figure: Figure) -> None:
    masked = TAB | ONLY_MASKED | {"mask": encode(mask(128, 192, BOX))}
    outcome = bench.post("img2img", masked | relight(cutout="none", lights="side angle 270"))
    assert outcome.status == 200, outcome.detail
    height, width = (8 * side for side in outcome.passes[0]["x"].shape[-2:])
    whole = np.linspace(255, 0, 128 * width // 64)[width // 2 :][:width]
    part = Image.fromarray(np.broadcast_to(whole.astype(np.uint8)[None, :, None], (height, width, 3)).copy())
    latent = oracle.condition(bench.checkpoint, part)
    # the mask covers all that is cut out, but for its blurred rim
    given = start_of(outcome.passes[0])[..., 2:-2, 2:-2]
    assert figure("start", oracle.relative_error(given, latent[..., 2:-2, 2:-2])) <= 1e-4


PLACE = {"subject_x": 0.7, "subject_y": 0.25, "subject_scale": 0.6, "subject_mirrored": True}


def placed(picture: Image.Image, width: int, height: int, beyond: tuple[int, int, int]) -> Image.Image:
    """Mirrored, scaled, and laid around its middle."""
    scale = 0.6 * max(width / picture.width, height / picture.height)
    size = round(picture.width * scale), round(picture.height * scale)
    mirrored = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize(size, Image.Resampling.LANCZOS)
    frame = Image.new("RGB", (width, height), beyond)
    frame.paste(mirrored, (round(0.7 * width - size[0] / 2), round(0.25 * height - size[1] / 2)))
    return frame


def test_the_subject_stands_in_its_place_in_every_pass(bench: Bench, figure: Figure) -> None:
    outcome = bench.post("txt2img", BASE | HIRES | relight(subject=subject(), light="left", **PLACE))
    assert outcome.status == 200, outcome.detail
    assert len(outcome.passes) == 2
    for recorded in outcome.passes:
        height, width = (8 * side for side in recorded["x"].shape[-2:])
        expected = oracle.condition(
            bench.checkpoint, placed(oracle.grey_composite(subject()), width, height, (127, 127, 127))
        )
        assert figure("c_concat", oracle.relative_error(recorded["calls"][0]["c_concat"][:1], expected)) <= 2e-5
    for setting in ("subject x: 0.7", "subject y: 0.25", "subject scale: 0.6", "subject mirrored: True"):
        assert f"IC-Light {setting}" in str(outcome.info)


def test_the_tab_s_own_picture_can_be_placed(bench: Bench, figure: Figure) -> None:
    outcome = bench.post("img2img", TAB | relight(cutout="none", **PLACE))
    assert outcome.status == 200, outcome.detail
    (recorded,) = outcome.passes
    height, width = (8 * side for side in recorded["x"].shape[-2:])
    frame = placed(tab_picture(128, 192).resize((width, height)), width, height, (127, 127, 127))
    expected = oracle.condition(bench.checkpoint, frame)
    assert figure("c_concat", oracle.relative_error(recorded["calls"][0]["c_concat"][:1], expected)) <= 2e-5


def test_a_front_light_is_each_subject_s_own(bench: Bench, figure: Figure) -> None:
    pictures = [subject().resize((128, 192)), subject().resize((128, 192)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)]
    payload: dict[str, Any] = TAB | {"init_images": [encode(each) for each in pictures], "batch_size": 2}
    outcome = bench.post("img2img", payload | relight(lights="front softness 0.25"))
    assert outcome.status == 200, outcome.detail
    starts = start_of(outcome.passes[0])
    height, width = (8 * side for side in starts.shape[-2:])
    for start, picture in zip(starts, pictures, strict=True):
        distance = distance_transform_edt(np.asarray(picture.getchannel("A").resize((width, height))) < 128)
        levels = (255 * (1 - distance / (0.25 * min(width, height))).clip(0, 1)).astype(np.uint8)
        expected = oracle.condition(bench.checkpoint, Image.fromarray(levels[..., None].repeat(3, axis=2)))
        assert figure("start", oracle.relative_error(start[None], expected)) <= ROUNDING


def test_what_stands_outside_of_the_frame_is_refused(bench: Bench) -> None:
    outcome = bench.post("txt2img", BASE | relight(subject=subject(), subject_x=2, subject_scale=0.3))
    assert outcome.status == 422 and "Nothing of the subject is in the frame" in outcome.detail

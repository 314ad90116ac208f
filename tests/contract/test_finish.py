"""What is done to the results: every one of them, after the last pass, at its own size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from PIL import Image

from iclight_standalone import reference as oracle
from iclight_workshop.host_bench import Bench, Outcome, encode, mask, subject, tab_picture
from lib_iclight.finish import finish
from lib_iclight.finish.area import DetailArea
from lib_iclight.foreground import CutoutSettings, cut_out
from lib_iclight.pictures import Picture
from lib_iclight.weights import read_catalogue

from .cases import BASE, BOX, HEIGHT, HIRES, LANCZOS, ONLY_MASKED, TAB, WIDTH, relight

FINISH = {"detail_transfer": 0.8, "detail_radius": 2.0, "colour_keep": 0.7}


Original = tuple[np.ndarray, np.ndarray]
"""A subject's colours and its alpha."""


def at_size(picture: Image.Image, width: int, height: int) -> Original:
    """An RGBA picture, as the reference brings it to size. What is hidden where it is transparent never shows: there
    the subject's colours go on, by the function that the cut-out's own tests look at."""
    own = cut_out(Picture.from_image(picture, "subject"), CutoutSettings(), read_catalogue([]))
    colours, alpha = Image.fromarray(own.colour), picture.getchannel("A").convert("RGB")
    fitted = [np.asarray(oracle.cover(each, width, height)) for each in (colours, alpha)]
    return fitted[0], fitted[1][..., 0]


def finished(image: Image.Image, rgb: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """By the function that the finish's own tests look at."""
    return finish(np.asarray(image), rgb, alpha, detail_alpha=alpha, **FINISH)


def asked(bench: Bench, tab: str, payload: Mapping[str, Any], **settings: Any) -> Outcome:
    args = dict(payload["alwayson_scripts"]["IC Light"]["args"][0])
    outcome = bench.post(tab, {**payload, "alwayson_scripts": {"IC Light": {"args": [args | settings]}}})
    assert outcome.status == 200, outcome.detail
    return outcome


def check(bench: Bench, tab: str, payload: Mapping[str, Any], originals: Callable[[int], Original]) -> None:
    """Every result is the plain relight's, finished; and the untouched ones come after them."""
    plain = asked(bench, tab, payload)
    touched = asked(bench, tab, payload, **FINISH, show_untouched=True)
    first = plain.info.get("index_of_first_image", 0)
    before, after = plain.images[first:], touched.images[first:]
    assert len(after) == 2 * len(before)
    for number, image in enumerate(before):
        result, untouched = after[number], np.asarray(after[len(before) + number])
        # Forge on a CPU repeats a batch of two to a level only
        assert np.abs(untouched.astype(int) - np.asarray(image)).max() <= 1
        expected = finished(after[len(before) + number], *originals(number))
        assert np.abs(expected.astype(int) - untouched).max() > 8, "the finish does something"
        assert np.array_equal(np.asarray(result), expected)


FC = relight(model="iclight_sd15_fc", subject=subject())


def test_every_picture_of_every_batch(bench: Bench) -> None:
    check(bench, "txt2img", BASE | FC | {"batch_size": 2, "n_iter": 2}, lambda _: at_size(subject(), WIDTH, HEIGHT))


def test_after_the_hires_pass(bench: Bench) -> None:
    check(bench, "txt2img", BASE | HIRES | FC, lambda _: at_size(subject(), 192, 288))


def test_each_picture_of_the_tab_has_its_own(bench: Bench) -> None:
    pictures = [subject().crop((40, 40, 40 + WIDTH, 40 + HEIGHT)), subject().resize((WIDTH, HEIGHT))]
    payload = (
        TAB | relight(model="iclight_sd15_fc") | {"batch_size": 2, "init_images": [encode(each) for each in pictures]}
    )
    check(bench, "img2img", payload, lambda number: at_size(pictures[number], WIDTH, HEIGHT))


def test_only_masked_sees_its_own_part(bench: Bench) -> None:
    """What lies outside the mask stays as it is; inside, the details are those of the part."""
    payload = TAB | relight(model="iclight_sd15_fc", cutout="none") | ONLY_MASKED
    payload |= {"mask": encode(mask(WIDTH, HEIGHT, BOX))}
    touched = asked(bench, "img2img", payload, **FINISH, show_untouched=True)
    result, untouched = (np.asarray(image) for image in touched.images[-2:])
    part = np.asarray(tab_picture(WIDTH, HEIGHT).crop(BOX).resize((WIDTH, HEIGHT), LANCZOS))
    expected = Image.fromarray(finished(Image.fromarray(untouched), part, None))
    left, top, right, bottom = BOX
    inside = np.asarray(expected.resize((right - left, bottom - top), LANCZOS))
    assert np.abs(result[top:bottom, left:right].astype(int) - inside).max() <= 1
    outside = np.ones((HEIGHT, WIDTH), bool)
    outside[top:bottom, left:right] = False
    assert np.array_equal(result[outside], np.asarray(tab_picture(WIDTH, HEIGHT))[outside])


@pytest.mark.parametrize("area", [each.value for each in DetailArea])
def test_details_come_back_where_they_were_asked_for(bench: Bench, area: str) -> None:
    plain = asked(bench, "txt2img", BASE | FC)
    touched = asked(bench, "txt2img", BASE | FC, detail_transfer=1.0, detail_area=area)
    changed = (np.asarray(touched.images[0]) != np.asarray(plain.images[0])).any(axis=2)
    outside = at_size(subject(), WIDTH, HEIGHT)[1] == 0
    assert changed[~outside].any()
    assert changed[outside].any() == (area == "everything")


def test_a_reinforced_light_shows_the_subject(bench: Bench, figure: Callable[[str, float], float]) -> None:
    """The first pass starts from the light map with the subject laid over it."""
    light = FC["alwayson_scripts"]["IC Light"]["args"][0] | {"light": "left", "reinforce_foreground": 0.5}
    outcome = asked(bench, "txt2img", BASE | {"alwayson_scripts": {"IC Light": {"args": [light]}}})
    (recorded,) = outcome.passes
    start = recorded["start"] - recorded["schedule"]["sigmas"][0] * recorded["noise"]
    colour, alpha = at_size(subject(), WIDTH, HEIGHT)
    share = 0.5 * alpha[..., None].astype(np.float64) / 255
    light_map = np.asarray(oracle.light_map("left", WIDTH, HEIGHT)).astype(np.float64)
    laid_over = light_map + (colour - light_map) * share
    expected = oracle.condition(bench.checkpoint, Image.fromarray(np.rint(laid_over).astype(np.uint8)))
    assert figure("start", oracle.relative_error(start, expected)) <= 2e-3

"""Lights, the subject's place and what is done to results, from the page of a real Forge."""

from __future__ import annotations

import re

import numpy as np
from PIL import Image
from playwright.sync_api import expect

from iclight_standalone import reference as oracle
from iclight_workshop.host_bench import ForgeBench, subject
from tests.contract.cases import HEIGHT, WIDTH
from tests.contract.test_in_place import check, oval

from .test_panel import Figure, OpenTab, SavePicture, bench, hub, open_tab, save

__all__ = ["bench", "hub", "open_tab", "save"]

LIGHTS = "side angle 300 colour 3200K\nambient brightness 0.05"


def test_a_preset_is_changed_and_relit_by(
    bench: ForgeBench, open_tab: OpenTab, save: SavePicture, figure: Figure
) -> None:
    page = open_tab("txt2img")
    page.open_panel()
    page.give("subject", save(subject()))
    page.open_part("lights_group")
    page.choose_from("lights_preset", "Neon")
    text, picture = page.part("lights").locator("textarea"), page.part("lights_picture")
    expect(text).to_have_value(re.compile("colour #ff2079"))
    expect(picture.locator("img").first).to_be_visible()
    text.fill("side\nlaser")
    expect(picture.first).to_contain_text("light 2: kind can't be 'laser'")
    text.fill("side angle 270")
    expect(picture.locator("img").first).to_be_visible()
    page.generate()
    assert "IC-Light lights: side angle 270" in page.infotext()
    recorded = bench.passes()[0]
    start = recorded["start"] - recorded["schedule"]["sigmas"][0] * recorded["noise"]
    expected = oracle.condition(bench.checkpoint, oracle.light_map("left", WIDTH, HEIGHT))
    assert figure("start", oracle.relative_error(start, expected)) <= 1e-4
    page.choose("light", "Left")
    expect(page.part("lights_group")).to_be_hidden()


def test_what_is_pasted_is_what_was_set(open_tab: OpenTab, save: SavePicture) -> None:
    page = open_tab("txt2img")
    page.open_panel()
    page.give("subject", save(subject()))
    page.open_part("lights_group")
    page.part("lights").locator("textarea").fill(LIGHTS)
    page.open_part("frame")
    page.set_number("iclight_txt2img_subject_x", 0.4)
    page.set_number("iclight_txt2img_subject_scale", 0.8)
    page.part("subject_mirrored").get_by_role("checkbox").check()
    page.generate()
    infotext = page.infotext()
    assert "IC-Light lights: " + LIGHTS.replace("\n", "; ") in infotext
    assert "IC-Light subject y" not in infotext, "it is as by default"
    for tab in ("txt2img", "img2img"):
        pasted = open_tab(tab)
        pasted.paste(infotext)
        expect(pasted.switch).to_be_checked()
        expect(pasted.part("lights").locator("textarea")).to_have_value(LIGHTS)
        expect(pasted.number(f"iclight_{tab}_subject_x")).to_have_value("0.4")
        expect(pasted.number(f"iclight_{tab}_subject_y")).to_have_value("0.5")
        expect(pasted.number(f"iclight_{tab}_subject_scale")).to_have_value("0.8")
        pasted.open_part("frame")  # what is folded away has no role
        expect(pasted.part("subject_mirrored").get_by_role("checkbox")).to_be_checked()


def test_a_photo_comes_back_at_its_size_with_its_room(open_tab: OpenTab, save: SavePicture) -> None:
    photo = subject().convert("RGB").resize((2 * WIDTH, 2 * HEIGHT), Image.Resampling.BICUBIC)
    page = open_tab("txt2img")
    page.open_panel()
    page.give("subject", save(photo))
    page.open_part("cutout_tools")
    page.upload("iclight_txt2img_mask", save(oval(2 * WIDTH, 2 * HEIGHT)))
    page.open_part("finish")
    page.choose("in_place", "The subject's own photo")
    page.part("full_size").get_by_role("checkbox").check()
    page.generate()
    (relit,) = page.pictures()
    assert relit.size == photo.size
    check(np.asarray(relit.convert("RGB")), oval(2 * WIDTH, 2 * HEIGHT), photo)
    assert "IC-Light in place: own, IC-Light full size: True" in page.infotext()

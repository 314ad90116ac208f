"""Journeys over the stage in the page of a real web UI, each as somebody would go."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from playwright.sync_api import Locator, expect

from iclight_workshop.host_bench import BASE, ForgeBench, background, relight, subject, tab_picture
from tests.contract.cases import HEIGHT, WIDTH

from .browser import ForgePage
from .test_panel import FBC, OpenTab, SavePicture, bench, hub, open_tab, save
from .test_stage import PLAIN

__all__ = ["bench", "hub", "open_tab", "save"]

CONTRAST = """element => {
    const read = (colour) => colour.match(/[\\d.]+/g).map(Number);
    const light = (levels) => {
        const [r, g, b] = levels.slice(0, 3).map((level) => {
            const value = level / 255;
            return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    let behind = element;
    while (behind && read(getComputedStyle(behind).backgroundColor)[3] === 0) behind = behind.parentElement;
    const both = [getComputedStyle(element).color, getComputedStyle(behind ?? document.body).backgroundColor];
    const [low, high] = both.map((colour) => light(read(colour))).sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
}"""
"""Of an element's text with what is behind it: WCAG 2.1, "contrast ratio"."""


def press_tab_until(page: ForgePage, target: Locator, most: int = 150) -> None:
    """Go on by the keyboard until something has the focus."""
    for _ in range(most):
        if target.evaluate("element => element === document.activeElement"):
            return
        page.page.keyboard.press("Tab")
    raise AssertionError(f"{target} is not reached")


def test_by_keyboard_alone_from_an_empty_panel_to_a_picture(
    bench: ForgeBench, open_tab: OpenTab, save: SavePicture
) -> None:
    page = open_tab("txt2img")
    errors = page.note_errors()
    # Playwright takes file windows over a moment after somebody begins to listen: an Enter may be quicker.
    page.page.on("filechooser", lambda _: None)
    page.number("txt2img_seed").focus()
    press_tab_until(page, page.panel.locator(".label-wrap").first)
    page.page.keyboard.press("Enter")
    expect(page.switch).to_be_checked()
    press_tab_until(page, page.stage.button("Add Side light"))
    page.page.keyboard.press("Enter")
    press_tab_until(page, page.stage.light(1))
    page.page.keyboard.press("ArrowRight")
    press_tab_until(page, page.stage.button("Choose a subject…"))
    with page.page.expect_file_chooser() as chooser:
        page.page.keyboard.press("Enter")
    chooser.value.set_files(save(subject()))
    expect(page.part("subject").locator("img")).to_be_visible()
    page.stage.wait_until_drawn()
    page.page.keyboard.press("Control+Enter")
    page.wait_for_generation()
    (relit,) = page.pictures()
    assert np.asarray(relit.convert("RGB")).std() > 1
    assert "IC-Light lights: side angle 316" in page.infotext()
    assert not errors


def test_a_bottle_is_put_on_a_table(bench: ForgeBench, open_tab: OpenTab, save: SavePicture) -> None:
    """What is dragged and scaled over a background reaches the UNet as the same request over the API."""
    page = open_tab("txt2img")
    errors = page.note_errors()
    page.open_panel()
    page.choose_model(FBC)
    page.give("subject", save(subject()))
    page.give("background_image", save(background()))
    page.stage.wait_until_drawn()
    page.stage.drag(page.stage.subject, 0.4, 0.6)
    page.stage.drag(page.stage.root.locator(".iclight-size:visible"), 0.7, 0.9)
    page.stage.wait_until_drawn()
    page.generate()
    told = dict(re.findall(r"IC-Light subject (x|y|scale): ([\d.-]+)", page.infotext()))
    assert set(told) == {"x", "y", "scale"}
    place = {f"subject_{name}": float(value) for name, value in told.items()}
    (arranged,) = bench.passes()
    asked = relight(subject=subject(), background_image=background(), model=FBC, **place)
    outcome = bench.post("txt2img", BASE | PLAIN | asked)
    assert outcome.status == 200, outcome.detail
    assert torch.equal(arranged["calls"][0]["c_concat"], outcome.passes[0]["calls"][0]["c_concat"])
    assert not errors


def test_a_result_is_relit_once_more(bench: ForgeBench, open_tab: OpenTab, save: SavePicture) -> None:
    page = open_tab("txt2img")
    errors = page.note_errors()
    page.open_panel()
    page.give("subject", save(subject()))
    page.generate()
    (relit,) = page.pictures()
    shown = page.part("subject").locator("img")
    before = shown.get_attribute("src")
    page.page.locator("#image_buttons_txt2img").get_by_role("button", name="picture as subject").click()
    expect(shown).not_to_have_attribute("src", before or "")
    page.choose_from("cutout", "Nothing: take it as it is")  # there is no subject in a random model's picture
    page.stage.wait_until_drawn()
    page.stage.button("Add Side light").click()
    page.generate()
    _, again = bench.passes()
    asked = relight(subject=relit, cutout="none", lights="side angle 315")
    outcome = bench.post("txt2img", BASE | PLAIN | asked)
    assert outcome.status == 200, outcome.detail
    assert torch.equal(again["calls"][0]["c_concat"], outcome.passes[0]["calls"][0]["c_concat"])
    assert not errors


def test_img2imgs_own_picture_is_on_the_stage(open_tab: OpenTab, save: SavePicture) -> None:
    page = open_tab("img2img")
    errors = page.note_errors()
    page.open_panel()
    page.stage.wait_until_drawn()
    expect(page.stage.subject).to_be_hidden()
    page.give_to_canvas("img2img_image", save(tab_picture(WIDTH, HEIGHT)))
    expect(page.stage.subject).to_be_visible()
    page.stage.wait_until_drawn()
    page.stage.drag(page.stage.subject, 0.3, 0.5)
    page.open_part("frame")
    expect(page.number("iclight_img2img_subject_x")).not_to_have_value("0.5")
    assert not errors


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_a_narrow_window_in_either_theme(
    bench: ForgeBench, open_tab: OpenTab, save: SavePicture, theme: str
) -> None:
    page = open_tab("txt2img")
    errors = page.note_errors()
    page.page.set_viewport_size({"width": 400, "height": 900})
    page.open(f"{bench.server.url}/?__theme={theme}")
    page.open_panel()
    page.give("subject", save(subject()))
    page.stage.wait_until_drawn()
    page.stage.button("Add Side light").click()
    page.stage.drag(page.stage.light(1), -0.2, 0.5)
    expect(page.stage.light(1)).to_have_attribute("aria-label", re.compile("from 270"))
    for each in page.stage.root.locator("button:visible, select:visible, input:visible, canvas").all():
        box = each.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 400
    for each in page.stage.root.locator(".iclight-bar button:visible, .iclight-words, .iclight-controls label").all():
        assert each.evaluate(CONTRAST) >= 4.5, each.inner_text()
    assert not errors

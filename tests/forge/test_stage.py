"""The stage in the page of a real web UI: what was arranged by hand reaches the UNet."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
from playwright.sync_api import expect

from iclight_workshop.host_bench import BASE, ForgeBench, relight, subject

from .browser import ForgePage
from .test_panel import FC, OpenTab, SavePicture, bench, hub, open_tab, save

__all__ = ["bench", "hub", "open_tab", "save"]

PLAIN = {"prompt": "", "negative_prompt": "", "cfg_scale": 1, "seed": 7, "steps": 2}
"""What the page is set to when a tab is opened."""


def around_the_rim(page: ForgePage) -> None:
    page.stage.button("Add Side light").click()
    page.stage.drag(page.stage.light(1), -0.3, 0.5)


def by_preset(page: ForgePage) -> None:
    page.stage.root.get_by_label("Preset").select_option("neon")


def by_keyboard(page: ForgePage) -> None:
    page.stage.button("Add Spot").focus()
    page.page.keyboard.press("Enter")
    page.stage.light(1).focus()
    for key in ("ArrowRight", "Shift+ArrowDown", "+"):
        page.page.keyboard.press(key)


def with_the_subject_placed(page: ForgePage) -> None:
    page.stage.button("Add Front light").click()
    handle = page.stage.subject
    handle.press("-")
    handle.press("m")
    page.stage.drag(handle, 0.4, 0.6)


def after_undo(page: ForgePage) -> None:
    page.stage.button("Add Side light").click()
    page.stage.button("Add Ambient light").click()
    page.stage.button("Undo").click()


@pytest.mark.parametrize(
    "arrange",
    [around_the_rim, by_preset, by_keyboard, with_the_subject_placed, after_undo],
    ids=lambda each: each.__name__,
)
def test_what_was_arranged_reaches_the_unet(
    bench: ForgeBench, open_tab: OpenTab, save: SavePicture, arrange: Callable[[ForgePage], None]
) -> None:
    """The same request over the API gives the same condition and the same start, byte for byte."""
    page = open_tab("txt2img")
    errors = page.note_errors()
    page.open_panel()
    page.give("subject", save(subject()))
    page.stage.wait_until_drawn()
    arrange(page)
    page.stage.wait_until_drawn()
    page.generate()
    (arranged,) = bench.passes()
    infotext = page.infotext()
    told = dict(re.findall(r"IC-Light ([a-z ]+): ([^,\n]*)", infotext))
    found = re.search(r"Schedule type: ([^,\n]*)", infotext)  # pages begin with different ones, and some have none
    schedule = {"scheduler": found[1]} if found else {}
    settings: dict[str, object] = {"lights": told["lights"]}
    for name in ("x", "y", "scale"):
        if f"subject {name}" in told:
            settings[f"subject_{name}"] = float(told[f"subject {name}"])
    settings["subject_mirrored"] = told.get("subject mirrored") == "True"
    outcome = bench.post("txt2img", BASE | PLAIN | schedule | relight(subject=subject(), model=FC, **settings))
    assert outcome.status == 200, outcome.detail
    (asked,) = outcome.passes
    assert torch.equal(arranged["calls"][0]["c_concat"], asked["calls"][0]["c_concat"])
    assert torch.equal(arranged["start"], asked["start"])
    assert not errors


def test_what_is_pasted_is_on_the_stage(open_tab: OpenTab, save: SavePicture) -> None:
    page = open_tab("txt2img")
    page.open_panel()
    page.give("subject", save(subject()))
    by_preset(page)
    expect(page.part("lights").locator("textarea")).to_have_value(re.compile("#ff2079"))
    page.generate()
    pasted = open_tab("txt2img")
    pasted.paste(page.infotext())
    expect(pasted.switch).to_be_checked()
    expect(pasted.stage.root.locator(".iclight-light")).to_have_count(2)
    expect(pasted.stage.light(1)).to_have_attribute("aria-label", re.compile("from 270°, #ff2079"))

"""Settings → Defaults of a real Forge: saved in the page, there again after a restart, with what belongs to them."""

from __future__ import annotations

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

from iclight_workshop.host_bench import forge_bench

from .browser import ForgePage
from .test_panel import FBC, OPTIONS, default_width


def test_defaults_are_saved_and_restored_with_what_belongs_to_them(tmp_path: Path, browser: Browser) -> None:
    saved = tmp_path / "ui-config.json"
    flags = ["--ui-config-file", str(saved)]
    with forge_bench(tmp_path / "first", True, OPTIONS, flags=flags) as bench:
        page = ForgePage(browser.new_page(), bench.server.url, "txt2img", default_width(bench))
        page.open_panel()
        page.choose_from("cutout", "GrabCut")
        page.choose("light", "Left")
        page.set_number("iclight_txt2img_light_denoise", 0.7)
        page.open_part("frame")
        page.set_number("iclight_txt2img_subject_scale", 0.5)
        page.switch_tab("img2img")
        page.open_panel()
        page.choose_model(FBC)
        page.choose("background", "The lights alone")
        page.stage.button("Add Spot").click()
        page.open_part("finish")
        page.set_number("iclight_img2img_detail_transfer", 0.5)
        page.choose("detail_area", "Everything")
        page.save_defaults()  # of the whole page
    with forge_bench(tmp_path / "second", True, OPTIONS, flags=flags) as bench:
        page = ForgePage(browser.new_page(), bench.server.url, "txt2img", default_width(bench))
        page.open_panel()
        expect(page.part("cutout").locator("input")).to_have_value("GrabCut (fallback, no model)")
        expect(page.chosen("light")).to_have_text("Left")
        expect(page.part("light_denoise")).to_be_visible()
        expect(page.number("iclight_txt2img_light_denoise")).to_have_value("0.7")
        expect(page.part("light_map")).to_be_hidden()
        for _ in range(2):
            expect(page.stage.light(1)).to_have_attribute("aria-label", re.compile("from 270"))
            page.stage.wait_until_drawn()
            assert page.page.evaluate("iclight.stage('txt2img').scene.place.scale") == 0.5
            page.open(bench.server.url)
            page.open_panel()
        other = ForgePage(browser.new_page(), bench.server.url, "img2img", default_width(bench))
        other.open_panel()
        expect(other.part("model").locator("input")).to_have_value(FBC)
        expect(other.part("background_group")).to_be_visible()
        expect(other.part("light_group")).to_be_hidden()
        expect(other.chosen("background")).to_have_text("The lights alone")
        expect(other.stage.light(1)).to_have_attribute("aria-label", re.compile("at 0.25, 0.25"))
        expect(other.part("background_image")).to_be_hidden()
        other.open_part("finish")
        expect(other.chosen("detail_area")).to_have_text("Everything")
        expect(other.part("detail_radius")).to_be_visible()

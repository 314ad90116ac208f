"""Forge's page in a real browser, as far as the panel's tests need it."""

from __future__ import annotations

import io
import re
from pathlib import Path
from urllib.parse import urljoin

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from iclight_workshop.forge_server import ForgeServer
from tests.chromium import StageHandles

PATIENCE = 240_000
"""Milliseconds that a generation may take on a slow machine."""

expect.set_options(timeout=20_000)  # for all else: the page is slow to answer while something else runs


def has_presets(server: ForgeServer) -> bool:
    """Whether the web UI sets the page's width and more from its settings when the page is opened.

    ersatzForge has these settings, and doesn't.
    """
    if "sd_t2i_width" not in server.get("/sdapi/v1/options")[1]:
        return False
    page = server.get("/config")[1]
    (width,) = [each["id"] for each in page["components"] if each["props"].get("elem_id") == "txt2img_width"]
    loading = [each for each in page["dependencies"] if [None, "load"] in each["targets"]]
    return any(width in each["outputs"] for each in loading)


class ForgePage:
    """One page, with one of its tabs open."""

    def __init__(self, page: Page, url: str, tab: str, width: int | None) -> None:
        """Open the tab, and wait until Forge has set the page's own defaults, which come after it is drawn.

        :param tab: txt2img or img2img.
        :param width: the default in pixels that tells that they are there; None where Forge sets none.
        """
        self.page = page
        self.tab = tab
        self.width = width
        self.open(url)

    def open(self, url: str) -> None:
        """Open the page, anew or in another way."""
        self.page.goto(url)
        there = re.compile(r"\d+") if self.width is None else str(self.width)
        expect(self.number("txt2img_width")).to_have_value(there, timeout=60_000)
        self.page.wait_for_selector(f"#iclight_{self.tab}_enabled .input-accordion-checkbox", state="attached")
        self.open_tab_within("tabs", self.tab)

    @property
    def has_layers(self) -> bool:
        """Whether strokes are painted on Forge's own canvas, and not on gradio 3's sketch pad."""
        return not str(self.page.evaluate("gradio_config.version")).startswith("3.")

    def note_errors(self) -> list[str]:
        """What goes wrong in the page's scripts from now on."""
        errors: list[str] = []
        self.page.on("pageerror", lambda error: errors.append(str(error)))
        return errors

    def switch_tab(self, tab: str) -> None:
        """Go on in the other tab of the same page."""
        self.tab = tab
        self.open_tab_within("tabs", tab)

    # Forge's own part

    def number(self, name: str) -> Locator:
        """The number field of one of Forge's sliders."""
        return self.page.locator(f"#{name} input[type=number]")

    def set_number(self, name: str, value: float) -> None:
        """Set a slider that can be seen."""
        self.number(name).fill(str(value))
        self.number(name).press("Tab")

    def upload(self, name: str, *paths: Path) -> None:
        """Put files into a component that takes some."""
        self.page.locator(f"#{name} input[type=file]").first.set_input_files(list(paths))

    def give_to_canvas(self, name: str, path: Path) -> None:
        """Put a picture onto one of Forge's canvases, and wait until it is there."""
        if not self.has_layers:
            self.upload(name, path)
            expect(self.page.locator(f"#{name} img").first).to_be_visible(timeout=30_000)
            return
        canvas = self.page.locator(f"#{name}")
        canvas.locator("input[type=file]").set_input_files(path)
        expect(canvas.locator("img.forge-image")).to_have_attribute(
            "src", re.compile("^data:image/png"), timeout=30_000
        )

    def open_tab_within(self, name: str, label: str) -> None:
        """Open one of the tabs of a group of tabs."""
        label = re.compile(rf"^\s*{re.escape(label)}\s*$", re.IGNORECASE)
        self.page.locator(f"#{name} > .tab-nav > button", has_text=label).click()

    def choose_sampler(self, name: str) -> None:
        """Choose from the tab's list of samplers."""
        field = self.page.locator(f"#{self.tab}_sampling input")
        field.fill(name)
        self.entries(name).click()
        expect(field).to_have_value(name)

    def entries(self, label: str = "", *, whole: bool = True) -> Locator:
        """The open list's entries, or those whose text is the label or begins with it, behind the chosen one's tick.

        They have no role in gradio 3, so they are found by where they are.
        """
        end = r"\s*$" if whole and label else ""
        return self.page.locator("ul.options > li", has_text=re.compile(rf"^\W*{re.escape(label)}{end}"))

    def open_batch(self) -> None:
        """Open img2img's batch of files."""
        self.open_tab_within("mode_img2img", "Batch")
        if not self.page.locator("#img2img_batch_upload").count():
            pytest.skip("this web UI's batch takes folders of the server")

    def generate(self, button: str = "generate") -> None:
        """Press one of the tab's buttons, and wait for what comes of it, picture or error."""
        self.page.locator(f"#{self.tab}_{button}").click()
        self.wait_for_generation()

    def wait_for_generation(self) -> None:
        """Wait for what comes of a generation that was just asked for."""
        interrupt = self.page.locator(f"#{self.tab}_interrupt")
        expect(interrupt).to_be_visible()
        expect(interrupt).to_be_hidden(timeout=PATIENCE)

    @property
    def thumbnails(self) -> Locator:
        """The gallery's pictures, small."""
        return self.page.locator(f"#{self.tab}_gallery .thumbnails img")

    def picture_addresses(self, count: int = 1) -> list[str]:
        """Where the gallery's pictures lie, once there are as many as expected."""
        expect(self.thumbnails).to_have_count(count)
        return [picture.get_attribute("src") or "" for picture in self.thumbnails.all()]

    def pictures(self, count: int = 1) -> list[Image.Image]:
        """The gallery's pictures."""
        return [Image.open(io.BytesIO(self.download(address))) for address in self.picture_addresses(count)]

    def download(self, address: str) -> bytes:
        """The file that an address of the page leads to."""
        return self.page.request.get(urljoin(self.page.url, address)).body()

    def infotext(self) -> str:
        """What is written under the picture."""
        info = self.page.locator(f"#html_info_{self.tab}").first  # gradio 3 gives two elements that id
        expect(info).to_contain_text("Steps:", timeout=PATIENCE)
        return info.inner_text()

    def paste(self, infotext: str) -> None:
        """Have the page read its settings from a text."""
        self.page.locator(f"#{self.tab}_prompt textarea").fill(infotext)
        self.page.locator(f"#{self.tab}_tools #paste").click()

    @property
    def error(self) -> Locator:
        """The error that Forge shows in place of a picture."""
        return self.page.locator(f"#html_log_{self.tab} .error")

    # The panel

    @property
    def panel(self) -> Locator:
        """The whole of it."""
        return self.page.locator(f"#iclight_{self.tab}_enabled")

    @property
    def switch(self) -> Locator:
        """The checkbox in its title."""
        return self.page.locator(f"#iclight_{self.tab}_enabled-visible-checkbox")

    def part(self, field: str) -> Locator:
        """A field's component."""
        return self.page.locator(f"#iclight_{self.tab}_{field}")

    def text(self, name: str) -> Locator:
        """A text of the panel's. gradio 3 gives two elements its id."""
        return self.part(name).first

    def open_panel(self) -> None:
        """Open it by its title, which also enables it."""
        self.panel.locator(".label-wrap").first.click()
        expect(self.switch).to_be_checked()
        expect(self.part("model")).to_be_visible()

    def give(self, field: str, path: Path) -> None:
        """Upload a picture, and wait until it is shown."""
        self.upload(f"iclight_{self.tab}_{field}", path)
        expect(self.part(field).locator("img")).to_be_visible(timeout=30_000)

    @property
    def stage(self) -> StageHandles:
        """The panel's stage."""
        return StageHandles(self.page, self.tab)

    def open_part(self, field: str) -> None:
        """Open one of the accordions in the panel."""
        self.part(field).locator(".label-wrap").first.click()

    def show_cutout(self) -> None:
        """Press the button, and wait for its answer."""
        image = self.part("cutout_canvas").locator("img.forge-image" if self.has_layers else "img")
        before = (image.count() and image.get_attribute("src")) or ""
        self.part("show_cutout").click()
        expect(image).not_to_have_attribute("src", before, timeout=PATIENCE)
        expect(image).to_have_attribute("src", re.compile("^data:image/png"))

    def paint(self, start: tuple[float, float], end: tuple[float, float], colour: str) -> None:
        """A stroke on the cut-out, between two points in shares of its width and height."""
        canvas = self.part("cutout_canvas")
        canvas.scroll_into_view_if_needed()
        canvas.hover()
        if self.has_layers:
            canvas.locator("input.forge-toolbar-color").fill(colour)
        else:
            field = canvas.get_by_label("Brush color", exact=True)
            if not field.is_visible():
                canvas.get_by_label("Select brush color").click()
            field.fill(colour)
        box = canvas.locator("img.forge-image" if self.has_layers else "canvas").first.bounding_box()
        assert box is not None
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)]
        self.page.mouse.move(*points[0])
        self.page.mouse.down()
        self.page.mouse.move(*points[1], steps=20)
        self.page.mouse.up()

    def choose_from(self, field: str, label: str) -> None:
        """Choose from a list by what an entry begins with."""
        self.part(field).locator("input").click()
        self.entries(label, whole=False).click()

    def choose(self, field: str, label: str) -> None:
        """Choose one of a few."""
        self.part(field).get_by_role("radio", name=label, exact=True).check()

    def chosen(self, field: str) -> Locator:
        """The chosen one of a few, by its label."""
        return self.part(field).locator("label.selected")

    def save_defaults(self) -> None:
        """Have Forge write what is set in the page as the defaults of its next start."""
        self.open_tab_within("tabs", "Settings")
        self.open_tab_within("settings", "Defaults")
        self.page.locator("#ui_defaults_apply").click()
        expect(self.page.get_by_text(re.compile(r"Wrote \d+ changes"))).to_be_visible()

    def refresh_models(self) -> None:
        """Press the button beside the list, and wait for its answer."""
        with self.page.expect_response(re.compile("/run/predict")) as answer:
            self.part("refresh").click()
        assert answer.value.ok

    def choose_model(self, name: str) -> None:
        """Choose from the list."""
        field = self.part("model").locator("input")
        field.click()
        self.entries(name, whole=False).click()
        expect(field).to_have_value(re.compile(re.escape(name)))

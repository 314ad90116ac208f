"""A page with the panel's stage in a real browser, without a web UI around it."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from iclight_standalone.host import StandaloneWebUI
from iclight_standalone.sampler import State
from iclight_workshop.host_bench import background, subject
from lib_iclight.hosts import Host
from lib_iclight.lights import describe_lights
from lib_iclight.setting_types import Tab
from lib_iclight.ui.panel import build_panel
from lib_iclight.ui.stage import build_stage
from tests.chromium import StageHandles, chromium
from tests.ui.conftest import put_model
from tests.ui.test_panel import Canvas, input_accordion

ROOT = Path(__file__).parents[2]

WIDTH, HEIGHT = 128, 192


class StagePage(StageHandles):
    """The stage in a page that has one tab's panel."""

    def __init__(self, page: Any, tab: str, folder: Path) -> None:
        super().__init__(page, tab)
        self.folder = folder
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def part(self, name: str) -> Any:
        """A component of the panel."""
        return self.page.locator(f"#iclight_{self.tab}_{name}")

    @property
    def lights(self) -> Any:
        """The field that the settings' lights are in."""
        return self.part("lights").locator("textarea")

    def number(self, name: str) -> Any:
        """The number field of a slider."""
        return self.part(name).locator("input[type=number]")

    def give(self, name: str, image: Image.Image) -> None:
        """Upload a picture into one of the panel's components."""
        self.upload(self.part(name), image)

    def upload(self, component: Any, image: Image.Image) -> None:
        """Upload a picture into any component of the page."""
        from playwright.sync_api import expect

        path = self.folder / "picture.png"
        image.save(path)
        component.locator("input[type=file]").first.set_input_files(path)
        expect(component.locator("img")).to_be_visible()

    def expect_words(self, words: str) -> None:
        """Wait until this is said below the frame."""
        from playwright.sync_api import expect

        expect(self.root.locator(".iclight-words")).to_have_text(re.compile(words))

    def choose_background_model(self) -> None:
        """Choose the model that looks at a background."""
        self.part("model").locator("input").click()
        self.part("model").locator("ul li").nth(1).click()

    def drawn(self) -> np.ndarray:
        """What the stage shows: uint8 [H, W, 3]."""
        self.wait_until_drawn()
        address = self.root.locator("canvas").evaluate("canvas => canvas.toDataURL('image/png')")
        data = base64.b64decode(address.partition(",")[2])
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@contextmanager
def open_stage(tab: Tab, folder: Path) -> Iterator[StagePage]:
    """The panel of a tab, open, with a model of each kind, beside the tab's own pictures."""
    put_model(folder, "a_fc.safetensors", 8)
    put_model(folder, "b_fbc.safetensors", 12)
    host = Host(StandaloneWebUI([folder], State()), None, None)
    with gr.Blocks(css=(ROOT / "style.css").read_text(encoding="utf-8")) as blocks:
        gr.Slider(64, 2048, WIDTH, step=8, interactive=True, elem_id=f"{tab.value}_width")
        gr.Slider(64, 2048, HEIGHT, step=8, interactive=True, elem_id=f"{tab.value}_height")
        if tab is Tab.IMG2IMG:
            with gr.Group(elem_id="mode_img2img"):
                gr.Image(type="pil", format="png", elem_id="img2img_image")
            build_stage(Tab.TXT2IMG, "iclight_txt2img_{}".format)  # has what both stages are told
        build_panel(tab, input_accordion, Canvas, host)
        gr.Gallery([subject(), background()], format="png", elem_id=f"{tab.value}_gallery")
        with gr.Row(elem_id=f"image_buttons_{tab.value}"):
            gr.Button("📂")
    _, address, _ = blocks.launch(prevent_thread_lock=True, quiet=True, show_api=False, server_name="127.0.0.1")
    try:
        with chromium() as browser:
            page = browser.new_page(viewport={"width": 1100, "height": 1600})
            page.route(lambda url: not url.startswith(("data:", address)), lambda route: route.abort())
            for script in sorted((ROOT / "javascript").glob("*.js")):
                page.add_init_script(path=script)
            opened = StagePage(page, tab.value, folder)
            page.goto(address)
            page.locator(f"#iclight_{tab.value}_enabled > .label-wrap").click()
            yield opened
            # fonts from elsewhere can't be had, and gradio lets go of its own stream when the last event has ended
            foreign = ("ERR_FAILED", "fonts.", "AbortError: signal is aborted without reason")
            assert not [error for error in opened.errors if not any(each in error for each in foreign)]
    finally:
        blocks.close()


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StagePage]:
    """That of txt2img, with a subject."""
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    with open_stage(Tab.TXT2IMG, tmp_path) as opened:
        opened.give("subject", subject())
        opened.expect_words("Taken as it is")
        yield opened


@pytest.fixture
def img2img_stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StagePage]:
    """That of img2img, without any picture."""
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    with open_stage(Tab.IMG2IMG, tmp_path) as opened:
        yield opened


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    """An empty page with the scripts that draw lights, what Python tells them, and the script for the prompt."""
    with chromium() as browser:
        opened = browser.new_page()
        opened.set_content("")
        for name in ("iclight_drawing.js", "iclight_lights.js", "iclight_tab_help.js"):  # web UIs have any order
            opened.add_script_tag(path=ROOT / "javascript" / name)
        opened.evaluate("data => iclight.lights.setUp(data)", describe_lights())
        yield opened

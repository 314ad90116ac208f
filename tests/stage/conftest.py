"""A page with the panel's stage in a real browser, without a web UI around it."""

from __future__ import annotations

import base64
import io
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from iclight_standalone.host import StandaloneWebUI
from iclight_standalone.sampler import State
from iclight_workshop.host_bench import subject
from lib_iclight.hosts import Host
from lib_iclight.lights import describe_lights
from lib_iclight.setting_types import Tab
from lib_iclight.ui.panel import build_panel
from tests.ui.conftest import put_model
from tests.ui.test_panel import Canvas, input_accordion

ROOT = Path(__file__).parents[2]

WIDTH, HEIGHT = 128, 192


class StagePage:
    """The stage of a tab."""

    def __init__(self, page: Any, folder: Path) -> None:
        self.page = page
        self.folder = folder
        self.root = page.locator('.iclight-stage[data-tab="txt2img"]')
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def part(self, name: str) -> Any:
        """A component of the panel."""
        return self.page.locator(f"#iclight_txt2img_{name}")

    @property
    def lights(self) -> Any:
        """The field that the settings' lights are in."""
        return self.part("lights").locator("textarea")

    def number(self, name: str) -> Any:
        """The number field of a slider."""
        return self.part(name).locator("input[type=number]")

    def button(self, name: str) -> Any:
        """One of the stage's buttons."""
        return self.root.get_by_role("button", name=name, exact=True)

    def light(self, number: int) -> Any:
        """A light's handle, counted from 1."""
        return self.root.locator(f'.iclight-light[aria-label*=" {number}, "]')

    def drag(self, handle: Any, right: float, down: float) -> None:
        """Drag a handle's middle to a point, in shares of the frame."""
        start, frame = handle.bounding_box(), self.root.locator("canvas").bounding_box()
        self.page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
        self.page.mouse.down()
        self.page.mouse.move(frame["x"] + right * frame["width"], frame["y"] + down * frame["height"], steps=8)
        self.page.mouse.up()

    def give(self, name: str, image: Image.Image) -> None:
        """Upload a picture, and wait until Python's drawing of it is there."""
        from playwright.sync_api import expect

        path = self.folder / f"{name}.png"
        image.save(path)
        self.part(name).locator("input[type=file]").first.set_input_files(path)
        expect(self.part(name).locator("img")).to_be_visible()

    def choose_background_model(self) -> None:
        """Choose the model that looks at a background."""
        self.part("model").locator("input").click()
        self.part("model").locator("ul li").nth(1).click()

    def wait_until_drawn(self) -> None:
        """Wait until the stage has drawn all that it was told, with what Python drew for it."""
        self.page.wait_for_function("() => window.iclight.stage('txt2img').isAtRest")

    def drawn(self) -> np.ndarray:
        """What the stage shows: uint8 [H, W, 3]."""
        self.wait_until_drawn()
        address = self.root.locator("canvas").evaluate("canvas => canvas.toDataURL('image/png')")
        data = base64.b64decode(address.partition(",")[2])
        return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StagePage]:
    """The panel of txt2img, open, with a subject and a model of each kind."""
    pytest.importorskip("playwright")
    if shutil.which("chromium") is None:
        pytest.skip("needs Chromium on the PATH")
    from playwright.sync_api import expect

    from tests.forge.browser import chromium

    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    put_model(tmp_path, "a_fc.safetensors", 8)
    put_model(tmp_path, "b_fbc.safetensors", 12)
    host = Host(StandaloneWebUI([tmp_path], State()), None, None)
    with gr.Blocks(css=(ROOT / "style.css").read_text(encoding="utf-8")) as blocks:
        gr.Number(WIDTH, elem_id="txt2img_width")
        gr.Number(HEIGHT, elem_id="txt2img_height")
        build_panel(Tab.TXT2IMG, input_accordion, Canvas, host)
    _, address, _ = blocks.launch(prevent_thread_lock=True, quiet=True, show_api=False, server_name="127.0.0.1")
    try:
        with chromium() as browser:
            page = browser.new_page(viewport={"width": 1100, "height": 1600})
            page.route(lambda url: not url.startswith(address), lambda route: route.abort())
            for script in sorted((ROOT / "javascript").glob("*.js")):
                page.add_init_script(path=script)
            opened = StagePage(page, tmp_path)
            page.goto(address)
            page.locator("#iclight_txt2img_enabled > .label-wrap").click()
            opened.give("subject", subject())
            expect(opened.root.locator(".iclight-words")).to_have_text(re.compile("Taken as it is"))
            yield opened
            # fonts from elsewhere can't be had, and gradio lets go of its own stream when the last event has ended
            foreign = ("ERR_FAILED", "fonts.", "AbortError: signal is aborted without reason")
            assert not [error for error in opened.errors if not any(each in error for each in foreign)]
    finally:
        blocks.close()


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    """An empty page with the scripts that draw lights, and what Python tells them."""
    pytest.importorskip("playwright")
    if shutil.which("chromium") is None:
        pytest.skip("needs Chromium on the PATH")
    from tests.forge.browser import chromium

    with chromium() as browser:
        opened = browser.new_page()
        opened.set_content("")
        for name in ("iclight_drawing.js", "iclight_lights.js"):  # the web UI loads them in any order
            opened.add_script_tag(path=ROOT / "javascript" / name)
        opened.evaluate("data => iclight.lights.setUp(data)", describe_lights())
        yield opened

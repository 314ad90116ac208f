"""What helps with the tab's own settings, in the page of a real Forge. Nothing is generated."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Locator, expect
from safetensors.torch import save_file

from iclight_workshop.forge_server import ForgeServer
from iclight_workshop.host_bench import REPOSITORY, subject

from .browser import ForgePage, has_presets

WIDTH, HEIGHT = 576, 704

# The page gets these after it is drawn, so they are set here and not in the page.
OPTIONS = {
    f"sd_{tab}_{name}": value
    for tab in ("t2i", "i2i")
    for name, value in {"width": WIDTH, "height": HEIGHT, "cfg": 2}.items()
} | {"sd_t2i_hr_cfg": 2}

OWN_PROMPTS = b"# mine\nlamps along the quay\n<img src=x onerror=alert(1)>\n\xff\xfe\xfd\n" + b"x" * 10_000_000

OpenTab = Callable[[str], ForgePage]


@contextmanager
def forge(folder: Path, checkpoint: str) -> Iterator[ForgeServer]:
    """A Forge with checkpoints, as far as their headers tell: good and painter. One of them is chosen."""
    checkpoints = folder / "checkpoints"
    checkpoints.mkdir()
    first = "model.diffusion_model.input_blocks.0.0.weight"
    for name, channels in {"good": 4, "painter": 9}.items():
        save_file({first: torch.zeros(8, channels, 3, 3)}, checkpoints / f"{name}.safetensors")
    with ForgeServer.from_environment(
        folder / "forge.log",
        extensions={"sd-forge-iclight": REPOSITORY},
        options=OPTIONS | {"sd_model_checkpoint": f"{checkpoint}.safetensors"},
        flags=["--ckpt-dir", str(checkpoints), "--ui-config-file", str(folder / "ui-config.json")],
    ) as server:
        yield server


@pytest.fixture(scope="module")
def server_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server's files lie."""
    return tmp_path_factory.mktemp("around")


@pytest.fixture(scope="module")
def server(server_folder: Path) -> Iterator[ForgeServer]:
    """A Forge with a good checkpoint, and with words of the user's own."""
    own = Path(os.environ["FORGE_DIR"]) / "iclight_prompts.txt"
    if own.exists():
        pytest.skip("this Forge is somebody's, with words of their own")
    own.write_bytes(OWN_PROMPTS)
    try:
        with forge(server_folder, "good") as server:
            yield server
    finally:
        own.unlink()


def open_page(server: ForgeServer, browser: Browser, tab: str) -> ForgePage:
    """A new page on one of its tabs, with values that nothing is to be said of, and the panel open."""
    has_defaults = has_presets(server)
    page = ForgePage(browser.new_page(), server.url, tab, WIDTH if has_defaults else None)
    if not has_defaults:
        for name, value in {"width": WIDTH, "height": HEIGHT, "cfg_scale": 2}.items():
            page.set_number(f"{tab}_{name}", value)
    page.open_panel()
    return page


def advice(page: ForgePage) -> Locator:
    """What is pointed out."""
    return page.text("advice")


@pytest.fixture
def open_tab(server: ForgeServer, browser: Browser) -> Iterator[OpenTab]:
    """Opens a new page; nothing that a page holds is there in the next."""
    pages: list[ForgePage] = []

    def open_(tab: str) -> ForgePage:
        pages.append(open_page(server, browser, tab))
        return pages[-1]

    yield open_
    for each in pages:
        each.page.close()


def test_advice_comes_and_goes_as_one_types(open_tab: OpenTab) -> None:
    page = open_tab("txt2img")
    expect(advice(page)).to_be_hidden()
    page.set_number("txt2img_cfg_scale", 9)
    expect(advice(page)).to_contain_text("At a CFG Scale of 9 ")
    page.set_number("txt2img_height", 320)
    expect(advice(page)).to_contain_text(f"At {WIDTH} × 320 pixels")
    page.choose_from("model", "iclight_sd15_fbc")
    expect(advice(page)).not_to_contain_text("CFG")
    expect(advice(page)).to_contain_text("320")
    page.set_number("txt2img_height", HEIGHT)
    expect(advice(page)).to_be_hidden()


def test_a_size_says_nothing_while_img2img_resizes_by_a_factor(open_tab: OpenTab) -> None:
    page = open_tab("img2img")
    page.set_number("img2img_denoising_strength", 0.5)
    expect(advice(page)).to_contain_text("At a Denoising strength of 0.5 ")
    page.set_number("img2img_denoising_strength", 1)
    expect(advice(page)).to_be_hidden()
    page.set_number("img2img_width", 64)
    expect(advice(page)).to_contain_text(f"At 64 × {HEIGHT} pixels")
    modes = page.page.locator("#img2img_column_size .tab-nav > button")
    modes.filter(has_text="Resize by").first.click()
    expect(advice(page)).to_be_hidden()
    modes.filter(has_text="Resize to").first.click()
    expect(advice(page)).to_contain_text(f"At 64 × {HEIGHT} pixels")


def test_the_subject_gives_the_tab_its_proportions(open_tab: OpenTab, tmp_path: Path) -> None:
    page = open_tab("txt2img")
    page.part("size_from_subject").click()
    expect(page.page.get_by_text("There is no picture in Subject to take the size of.").first).to_be_visible()
    subject().resize((300, 400), Image.Resampling.BICUBIC).save(tmp_path / "photo.png")
    page.give("subject", tmp_path / "photo.png")
    page.part("size_from_subject").click()
    expect(page.number("txt2img_height")).to_have_value("768")
    expect(page.number("txt2img_width")).to_have_value("576")


def test_recommended_values_are_set_by_a_click(open_tab: OpenTab) -> None:
    page = open_tab("txt2img")
    page.set_number("txt2img_cfg_scale", 9)
    page.open_part("tab_help")
    page.part("recommend").click()
    expect(page.number("txt2img_cfg_scale")).to_have_value("2")
    expect(page.number("txt2img_steps")).to_have_value("25")
    expect(page.page.locator("#txt2img_sampling input")).to_have_value(re.compile(r"^DPM\+\+ 2M SDE( Karras)?$"))
    expect(advice(page)).to_be_hidden()
    expect(page.page.locator("#txt2img_hr-visible-checkbox")).not_to_be_checked()
    page.page.locator("#txt2img_hr .label-wrap").first.click()
    expect(page.number("txt2img_hr_scale")).to_have_value("1.5")
    expect(page.number("txt2img_denoising_strength")).to_have_value("0.5")
    expect(page.page.locator("#txt2img_hr_upscaler input")).to_have_value(re.compile("^(Lanczos|None)$"))


@pytest.mark.parametrize("tab", ["txt2img", "img2img"])
def test_words_go_into_the_prompt_and_out_of_it_again(open_tab: OpenTab, tab: str) -> None:
    page = open_tab(tab)
    prompt = page.page.locator(f"#{tab}_prompt textarea")
    prompt.fill("a cat")
    page.open_part("tab_help")
    for name, words in (("words_lights", "glow of a fireplace"), ("words_own", "lamps along the quay")):
        page.part(name).get_by_text(words).click()
        expect(prompt).to_have_value(re.compile(f", {words}$"))
        expect(page.part(name).get_by_text(words)).to_have_attribute("aria-pressed", "true")
    page.part("words_lights").get_by_text("glow of a fireplace").click()
    expect(prompt).to_have_value("a cat, lamps along the quay")
    expect(page.part("words_lights").locator("[aria-pressed=true]")).to_have_count(0)
    page.part("words_own").get_by_text("lamps along the quay").click()
    expect(prompt).to_have_value("a cat")


def test_words_of_ones_own_are_shown_as_text(open_tab: OpenTab) -> None:
    page = open_tab("txt2img")
    page.open_part("tab_help")
    own = page.part("words_own")
    expect(own.get_by_text("<img src=x onerror=alert(1)>")).to_be_visible()
    expect(own.locator("img")).to_have_count(0)
    expect(own.get_by_text("xxxx")).to_have_count(0)


def test_nothing_of_it_is_among_the_saved_defaults(server: ForgeServer, server_folder: Path) -> None:
    saved = json.loads((server_folder / "ui-config.json").read_text(encoding="utf-8"))
    ours = [key for key in saved if key.startswith("customscript/ic_light.py/txt2img/")]
    assert [key for key in ours if "Light comes from" in key], "they are looked for in the right place"
    assert not [key for key in ours if re.search("Size from|Recommended|Words|Help with", key)]

"""The panel in a real Forge, from the browser to what the UNet is given."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image
from playwright.sync_api import Browser, expect

from iclight_standalone import reference as oracle
from iclight_workshop.host_bench import ForgeBench, background, forge_bench, subject, tab_picture
from lib_iclight.weights.manifest import manifest
from tests.contract.cases import (
    BASE,
    HEIGHT,
    WIDTH,
    Pictures,
    panel_subject,
    relight,
    subject_and_background,
    tab_subject,
)
from tests.weights.hostile_server import Fault, HostileServer, hostile_server

from .browser import ForgePage, has_presets

SAMPLER = "Euler"

# The page gets these after it is drawn, so they are set here and not in the page. At CFG 1 a step takes half the time.
OPTIONS = {
    f"sd_{tab}_{name}": value
    for tab in ("t2i", "i2i")
    for name, value in {"width": WIDTH, "height": HEIGHT, "sampler": SAMPLER, "cfg": 1}.items()
} | {"sd_t2i_hr_cfg": 1, "samples_save": False, "grid_save": False, "return_grid": False, "save_selected_only": False}

FC, FCON, FBC = (f"iclight_sd15_{kind}.safetensors" for kind in ("fc", "fcon", "fbc"))

OpenTab = Callable[[str], ForgePage]
SavePicture = Callable[[Image.Image], Path]
Figure = Callable[[str, float], float]

KINDS = {1: "fc", 2: "fbc"}
"""IC-Light's file by the number of pictures that it looks at."""


@pytest.fixture(scope="module")
def hub() -> Iterator[HostileServer]:
    """Stands in Hugging Face's place."""
    with hostile_server() as server:
        yield server


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, hub: HostileServer) -> Iterator[ForgeBench]:
    """A Forge with its page, this extension and the probe. Each module has its own: two at a time fit no memory."""
    environment = {"HF_ENDPOINT": hub.address, "NO_PROXY": "127.0.0.1", "HF_HUB_OFFLINE": "0"}
    with forge_bench(tmp_path_factory.mktemp("panel"), True, OPTIONS, environment) as bench:
        yield bench


def default_width(bench: ForgeBench) -> int | None:
    """What the page's width is set to once it is there; None where the web UI sets none."""
    return WIDTH if has_presets(bench.server) else None


@pytest.fixture
def open_tab(bench: ForgeBench, browser: Browser) -> Iterator[OpenTab]:
    """Opens a new page on one of its tabs; nothing that a page holds is there in the next."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    bench.clear_passes()

    def open_(tab: str) -> ForgePage:
        width = default_width(bench)
        page = ForgePage(context.new_page(), bench.server.url, tab, width)
        if width is None:
            for name, value in {"width": WIDTH, "height": HEIGHT, "cfg_scale": 1}.items():
                page.set_number(f"{tab}_{name}", value)
            page.choose_sampler(SAMPLER)
        page.set_number(f"{tab}_steps", 2)
        page.set_number(f"{tab}_seed", 7)
        return page

    yield open_
    context.close()


@pytest.fixture
def save(tmp_path: Path) -> SavePicture:
    """Writes a picture to a PNG file, to be uploaded."""

    def save_(image: Image.Image) -> Path:
        path = tmp_path / f"{len(list(tmp_path.iterdir()))}.png"
        image.save(path)
        return path

    return save_


def check_passes(figure: Figure, bench: ForgeBench, *expected: tuple[str, int, int, Pictures]) -> None:
    """The passes sampled since the page was opened, and that each was given its pictures.

    :param expected: name, width, height, and what makes the condition's pictures at a size.
    """
    passes = bench.passes()
    assert [(each["pass"], each["x"].shape[-1] * 8, each["x"].shape[-2] * 8) for each in passes] == [
        each[:3] for each in expected
    ]
    for recorded, (_, width, height, pictures) in zip(passes, expected, strict=True):
        given = pictures(width, height)
        condition = oracle.condition(bench.checkpoint, *given)
        assert condition.shape[1] == 4 * len(given)
        assert recorded["calls"]
        for call in recorded["calls"]:
            repeated = condition.repeat(len(call["input"]) // len(condition), 1, 1, 1)
            assert call["c_concat"].shape == repeated.shape
            assert figure("c_concat", oracle.relative_error(call["c_concat"], repeated)) <= 1e-5
        call, denoiser = recorded["calls"][0], oracle.Denoiser(bench.checkpoint, bench.offsets[KINDS[len(given)]])
        epsilon = denoiser.epsilon(call["input"], call["timestep"].float(), call["c_crossattn"], call["c_concat"])
        assert figure("UNet", oracle.relative_error(call["unet_output"], epsilon)) <= 2e-6


def check_start(bench: ForgeBench, side: str) -> None:
    """The first pass started from the light map of that side."""
    recorded = bench.passes()[0]
    light = recorded["start"] - recorded["schedule"]["sigmas"][0] * recorded["noise"]
    expected = oracle.condition(bench.checkpoint, oracle.light_map(side, WIDTH, HEIGHT))
    assert oracle.relative_error(light, expected) <= 1e-4


def check_pictures(page: ForgePage, width: int, height: int, count: int = 1) -> list[Image.Image]:
    """The gallery's pictures: as many as expected, of that size, and not empty."""
    pictures = page.pictures(count)
    for picture in pictures:
        assert picture.size == (width, height)
        assert np.asarray(picture.convert("RGB")).std() > 1
    return pictures


def tab_pictures() -> list[Image.Image]:
    """Three pictures of the size that is sampled."""
    names = ("chelsea", "astronaut", "coffee")
    return [Image.fromarray(getattr(skimage.data, name)()).resize((WIDTH, HEIGHT), Image.BICUBIC) for name in names]


def test_the_panel_opens_with_the_models_found(open_tab: OpenTab) -> None:
    page = open_tab("txt2img")
    expect(page.switch).not_to_be_checked()
    expect(page.part("model")).to_be_hidden()
    page.open_panel()
    expect(page.part("model").locator("input")).to_have_value(FC)
    page.switch.uncheck()
    expect(page.switch).not_to_be_checked()


@pytest.mark.parametrize("tab", ["txt2img", "img2img"])
def test_the_page_is_at_rest(open_tab: OpenTab, tab: str) -> None:
    """With one of gradio's components, the page drew itself anew without end; nobody sees it, but a core is busy."""
    page = open_tab(tab)
    page.open_panel()
    page.stage.wait_until_drawn()
    devtools = page.page.context.new_cdp_session(page.page)
    devtools.send("Performance.enable")

    def measured() -> tuple[float, float]:
        metrics = {each["name"]: each["value"] for each in devtools.send("Performance.getMetrics")["metrics"]}
        return metrics["TaskDuration"], metrics["Timestamp"]

    busy, now = measured()
    page.page.evaluate(
        """async () => {
            for (let frame = 0; frame < 120; frame++) await new Promise(requestAnimationFrame);
        }"""
    )
    busy_then, then = measured()
    assert busy_then - busy < (then - now) / 2


def test_models_added_later_are_found(bench: ForgeBench, open_tab: OpenTab) -> None:
    page = open_tab("txt2img")
    page.open_panel()
    added = bench.offsets["fc"].with_name("added-while-the-page-is-open.safetensors")
    added.symlink_to(bench.offsets["fc"])
    try:
        page.refresh_models()
        page.choose_model(added.name)
    finally:
        added.unlink()
    page.choose_model(FC)
    page.refresh_models()
    page.part("model").locator("input").click()
    expect(page.entries()).to_have_count(3)
    expect(page.entries().last).to_have_text(re.compile(FCON))


@pytest.mark.parametrize("tab", ["txt2img", "img2img"])
def test_only_what_goes_together_is_shown(open_tab: OpenTab, tab: str) -> None:
    page = open_tab(tab)
    page.open_panel()
    starting = {"light", "reinforce_foreground"} | ({"light_denoise"} if tab == "txt2img" else set())
    for choose, shown in (
        (lambda: None, {"light"}),
        (lambda: page.choose("light", "Left"), starting),
        (lambda: page.choose("light", "My own light map"), starting | {"light_map"}),
        (lambda: page.choose("light", "Prompt only"), {"light"}),
        (lambda: page.choose_model(FBC), {"background", "background_image"}),
        (lambda: page.choose("background", "Right"), {"background"}),
        (lambda: page.choose("background", "Mirrored picture"), {"background", "background_image"}),
        (lambda: page.choose_model(FC), {"light"}),
    ):
        choose()
        for field in (
            "light",
            "light_map",
            "light_denoise",
            "reinforce_foreground",
            "background",
            "background_image",
        ):
            expect(page.part(field)).to_be_visible(visible=field in shown)
        for field in ("model", "subject", "cutout", "strength", "show_subject"):
            expect(page.part(field)).to_be_visible()


def test_a_missing_model_is_fetched_with_progress_and_cancelled(
    bench: ForgeBench, open_tab: OpenTab, hub: HostileServer
) -> None:
    """The server holds the rest back after 800 bytes: the page shows them, until the fetch is cancelled."""
    part = bench.offsets["fc"].with_name(f"{FCON}.part")
    hub.files[FCON] = b"x" * 1000
    hub.plans[FCON] = [Fault("hold", 0.8, headers={"Content-Length": str(manifest()[FCON].size)})]
    page = open_tab("txt2img")
    page.open_panel()
    expect(page.part("model_fetch")).to_be_hidden()
    asked = len(hub.requests)
    page.choose_model(FCON)
    offer = page.text("model_offer")
    expect(offer).to_contain_text("is not there yet: 1.7 GB, Apache-2.0, by Lvmin Zhang")
    assert len(hub.requests) == asked, "never unasked"
    try:
        page.part("model_fetch").click()
        expect(page.text("model_progress")).to_contain_text("of 1719 MB")
        expect(page.part("model_fetch")).to_be_hidden()
        page.part("model_cancel").click()
        expect(page.part("model_fetch")).to_be_visible()
        expect(offer).to_contain_text(FCON)
        assert part.stat().st_size == 800 and not part.with_suffix("").exists()
    finally:
        for left in part.parent.glob(f"{FCON}*"):
            left.unlink()
    page.choose_model(FC)
    expect(page.part("model_fetch")).to_be_hidden()


def test_what_is_on_disk_is_shown_after_a_reload_and_in_the_other_tab(bench: ForgeBench, open_tab: OpenTab) -> None:
    """Forge builds its page once: what came later must not be "not there yet" until it restarts."""
    page = open_tab("txt2img")
    page.open_panel()
    page.choose_model(FCON)
    expect(page.text("model_offer")).to_contain_text("is not there yet")
    added = bench.offsets["fc"].with_name(FCON)
    added.symlink_to(bench.offsets["fc"])
    try:
        for tab in ("txt2img", "img2img"):
            again = open_tab(tab)
            again.open_panel()
            again.choose_model(FCON)
            expect(again.text("model_offer")).to_contain_text("looks at the foreground")
            expect(again.part("model_fetch")).to_be_hidden()
    finally:
        added.unlink()


def test_a_drawing_is_named(open_tab: OpenTab, tmp_path: Path) -> None:
    """gradio lets an SVG through without decoding it."""
    drawing = tmp_path / "drawing.svg"
    drawing.write_text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    page = open_tab("txt2img")
    page.open_panel()
    page.give("subject", drawing)
    page.generate()
    expect(page.error).to_contain_text("Subject is drawing.svg, an SVG drawing")
    page.open_part("cutout_tools")
    page.part("show_cutout").click()
    expect(page.page.locator(".toast-body")).to_contain_text("Subject is drawing.svg, an SVG drawing")


def test_every_picture_of_the_gallery_is_saved_with_its_settings(
    open_tab: OpenTab, save: SavePicture, tmp_path: Path
) -> None:
    """Results, untouched results, and subjects: by Save and by Zip."""
    page = open_tab("txt2img")
    page.open_panel()
    page.give("subject", save(subject()))
    page.open_part("finish")
    page.set_number("iclight_txt2img_detail_transfer", 0.8)
    page.part("show_untouched").get_by_role("checkbox").check()
    page.part("show_subject").get_by_role("checkbox").check()
    page.generate()
    page.picture_addresses(3)
    page.page.locator("#save_zip_txt2img").click()
    link = page.page.locator("#download_files_txt2img a[download]")
    expect(link).to_have_count(4)
    texts = []
    for number in range(1, 4):
        saved = tmp_path / f"{number}.png"
        saved.write_bytes(page.download(link.nth(number).get_attribute("href") or ""))
        texts.append(Image.open(saved).text["parameters"])
    assert all(f"IC-Light model: {FC}" in text for text in texts)
    assert ["IC-Light detail transfer: 0.8" in text for text in texts] == [True, False, True]
    expect(page.error).to_have_count(0)


def test_the_api_lists_and_fetches_nothing_unasked(bench: ForgeBench, hub: HostileServer) -> None:
    asked = len(hub.requests)
    status, listed = bench.server.get("/iclight/models")
    assert status == 200
    assert {each["name"]: each["state"] for each in listed}[FC] == "there"
    assert bench.server.post("/iclight/models/unknown.safetensors/fetch", {})[0] == 404
    assert len(hub.requests) == asked


MIDDLE = np.s_[HEIGHT // 2, int(0.35 * WIDTH) : int(0.65 * WIDTH)]


def subject_after_a_black_stroke(page: ForgePage, save: SavePicture, end: float) -> np.ndarray:
    """What the model sees when strokes from the left through the middle took it away.

    One alone is two pixels high there: where it falls between pixels, it takes a part of each.

    :param end: where the button is let go: 1 is the picture's right edge.
    """
    page.open_panel()
    page.give("subject", save(subject()))
    page.open_part("cutout_tools")
    page.show_cutout()
    for down in (0.495, 0.5, 0.505):
        page.paint((0.3, down), (end, down), "#000000")
    page.part("show_subject").get_by_role("checkbox").check()
    page.generate()
    return np.asarray(page.pictures(2)[1].convert("RGB")).astype(int)


def test_the_cut_out_is_seen_mended_and_used(open_tab: OpenTab, save: SavePicture) -> None:
    """A black stroke takes the middle away, seen or not: there the subject is the model's grey."""
    page = open_tab("txt2img")
    shown = subject_after_a_black_stroke(page, save, 0.7)
    (expected,) = panel_subject(WIDTH, HEIGHT)
    unmended = np.asarray(expected).astype(int)
    assert np.abs(shown[MIDDLE] - 127).max() <= 2 < np.abs(unmended[MIDDLE] - 127).max()
    above = np.s_[: int(0.4 * HEIGHT)]
    assert np.array_equal(shown[above], unmended[above])

    page.show_cutout()
    expect(page.part("mask").locator("img")).to_be_visible()
    page.give("subject", save(background()))
    expect(page.part("mask").locator("img")).to_have_count(0)


def test_a_stroke_that_leaves_the_picture_counts(open_tab: OpenTab, save: SavePicture) -> None:
    """The button is let go outside: Forge's canvas alone forgets such a stroke."""
    shown = subject_after_a_black_stroke(open_tab("txt2img"), save, 1.5)
    assert np.abs(shown[MIDDLE] - 127).max() <= 2


def test_details_and_colours_come_back(open_tab: OpenTab, save: SavePicture) -> None:
    page = open_tab("txt2img")
    page.open_panel()
    page.give("subject", save(subject()))
    page.open_part("finish")
    page.set_number("iclight_txt2img_detail_transfer", 0.8)
    page.set_number("iclight_txt2img_colour_keep", 1)
    page.part("show_untouched").get_by_role("checkbox").check()
    page.generate()
    finished, untouched = (np.asarray(each.convert("RGB")).astype(int) for each in page.pictures(2))
    assert finished.shape == untouched.shape and np.abs(finished - untouched).max() > 8
    assert "IC-Light detail transfer: 0.8" in page.infotext() and "IC-Light colour keep: 1" in page.infotext()


def test_txt2img_with_foreground_model(bench: ForgeBench, open_tab: OpenTab, save: SavePicture, figure: Figure) -> None:
    page = open_tab("txt2img")
    page.open_panel()
    page.give("subject", save(subject()))
    page.part("show_subject").get_by_role("checkbox").check()
    page.generate()
    picture, shown = page.pictures(2)
    assert picture.size == (WIDTH, HEIGHT)
    (expected,) = panel_subject(WIDTH, HEIGHT)
    assert np.array_equal(np.asarray(shown.convert("RGB")), np.asarray(expected))
    assert f"IC-Light model: {FC}" in page.infotext()
    check_passes(figure, bench, ("txt2img", WIDTH, HEIGHT, panel_subject))


def test_txt2img_with_background_model(bench: ForgeBench, open_tab: OpenTab, save: SavePicture, figure: Figure) -> None:
    page = open_tab("txt2img")
    page.open_panel()
    page.choose_model(FBC)
    page.give("subject", save(subject()))
    page.give("background_image", save(background()))
    page.generate()
    check_pictures(page, WIDTH, HEIGHT)
    assert "IC-Light background: image" in page.infotext()
    check_passes(figure, bench, ("txt2img", WIDTH, HEIGHT, subject_and_background))


def test_txt2img_with_light_and_hires_fix(
    bench: ForgeBench, open_tab: OpenTab, save: SavePicture, figure: Figure
) -> None:
    page = open_tab("txt2img")
    page.page.locator("#txt2img_hr .label-wrap").click()
    page.set_number("txt2img_hr_scale", 1.5)
    page.open_panel()
    page.give("subject", save(subject()))
    page.choose("light", "Left")
    page.generate()
    check_pictures(page, 192, 288)
    assert "IC-Light light: left" in page.infotext()
    assert "IC-Light light denoise: 0.9" in page.infotext()
    check_passes(figure, bench, ("txt2img", WIDTH, HEIGHT, panel_subject), ("hires", 192, 288, panel_subject))
    check_start(bench, "left")


def test_img2img_with_the_tabs_picture_and_light(
    bench: ForgeBench, open_tab: OpenTab, save: SavePicture, figure: Figure
) -> None:
    page = open_tab("img2img")
    page.give_to_canvas("img2img_image", save(tab_picture(WIDTH, HEIGHT)))
    page.open_panel()
    page.choose_from("cutout", "Nothing: take it as it is")
    page.choose("light", "Right")
    page.generate()
    check_pictures(page, WIDTH, HEIGHT)
    assert "IC-Light light: right" in page.infotext()
    check_passes(figure, bench, ("img2img", WIDTH, HEIGHT, tab_subject))
    check_start(bench, "right")


def test_img2img_batch_relights_each_picture_as_its_own_subject(
    bench: ForgeBench, open_tab: OpenTab, save: SavePicture, figure: Figure
) -> None:
    page = open_tab("img2img")
    page.open_batch()
    pictures = tab_pictures()
    page.upload("img2img_batch_upload", *[save(picture) for picture in pictures])
    expect(page.page.locator("#img2img_batch_upload .file")).to_have_count(3)
    page.open_panel()
    page.choose_from("cutout", "Nothing: take it as it is")
    page.generate()
    check_pictures(page, WIDTH, HEIGHT, count=3)
    check_passes(
        figure, bench, *[("img2img", WIDTH, HEIGHT, lambda width, height, each=each: (each,)) for each in pictures]
    )


def test_a_batchs_picture_without_a_subject_is_named_and_the_rest_go_on(
    bench: ForgeBench, open_tab: OpenTab, save: SavePicture
) -> None:
    page = open_tab("img2img")
    page.open_batch()
    pictures = tab_pictures()[:2]
    empty = Image.new("RGB", (WIDTH, HEIGHT), (90, 120, 200))
    paths = [save(each) for each in (pictures[0], empty, pictures[1])]
    page.upload("img2img_batch_upload", *paths)
    expect(page.page.locator("#img2img_batch_upload .file")).to_have_count(3)
    page.open_panel()
    page.choose_from("cutout", "GrabCut")
    page.generate()
    check_pictures(page, WIDTH, HEIGHT, count=2)
    assert len(bench.passes()) == 2
    expect(page.page.locator("#html_log_img2img")).to_contain_text(f"{paths[1].name} was left out: GrabCut finds no")


def test_upscale_button_relights_too(bench: ForgeBench, open_tab: OpenTab, save: SavePicture, figure: Figure) -> None:
    page = open_tab("txt2img")
    if not page.page.locator("#txt2img_upscale").count():
        pytest.skip("this web UI has no such button")
    page.generate()
    (made,) = page.picture_addresses()
    bench.clear_passes()
    page.open_panel()
    page.give("subject", save(subject()))
    page.generate("upscale")
    expect(page.thumbnails.first).not_to_have_attribute("src", made)
    check_pictures(page, 2 * WIDTH, 2 * HEIGHT)
    check_passes(figure, bench, ("hires", 2 * WIDTH, 2 * HEIGHT, panel_subject))


def test_error_is_one_sentence_in_the_page(bench: ForgeBench, open_tab: OpenTab, save: SavePicture) -> None:
    page = open_tab("txt2img")
    page.open_panel()
    page.generate()
    expect(page.error).to_have_text("RelightRefused: There is no subject: give IC Light a picture as its subject.")
    expect(page.error).to_be_visible()
    expect(page.thumbnails).to_have_count(0)
    assert bench.passes() == []
    page.give("subject", save(subject()))
    page.generate()
    check_pictures(page, WIDTH, HEIGHT)
    expect(page.error).to_have_count(0)


def test_settings_come_back_from_a_picture(open_tab: OpenTab, save: SavePicture, tmp_path: Path) -> None:
    page = open_tab("txt2img")
    page.open_panel()
    page.give("subject", save(subject()))
    page.choose_from("cutout", "Nothing: take it as it is")
    page.choose("light", "Top")
    page.set_number("iclight_txt2img_light_denoise", 0.8)
    page.set_number("iclight_txt2img_strength", 0.75)
    page.generate()
    picture = tmp_path / "made.png"
    picture.write_bytes(page.download(page.picture_addresses()[0]))
    infotext = Image.open(picture).text["parameters"]

    by_file = open_tab("txt2img")
    by_file.open_tab_within("tabs", "PNG Info")
    by_file.upload("pnginfo_image", picture)
    expect(by_file.page.locator("#tab_pnginfo")).to_contain_text("IC-Light model")
    by_file.page.locator("#txt2img_tab").click()
    expect(by_file.switch).to_be_checked()
    expect(by_file.part("model").locator("input")).to_have_value(FC)
    expect(by_file.part("cutout").locator("input")).to_have_value("Nothing: take it as it is")
    expect(by_file.chosen("light")).to_have_text("Top")
    expect(by_file.number("iclight_txt2img_light_denoise")).to_have_value("0.8")
    expect(by_file.number("iclight_txt2img_strength")).to_have_value("0.75")

    by_text = open_tab("img2img")
    by_text.paste(infotext.replace(FC, FBC).replace("IC-Light light: top", "IC-Light background: mirrored"))
    expect(by_text.switch).to_be_checked()
    expect(by_text.part("model").locator("input")).to_have_value(FBC)
    expect(by_text.chosen("background")).to_have_text("Mirrored picture")
    expect(by_text.part("background_image")).to_be_visible()
    expect(by_text.number("iclight_img2img_strength")).to_have_value("0.75")
    by_text.paste(re.sub(r", IC-Light [^,]*", "", infotext))
    expect(by_text.switch).not_to_be_checked()


def test_api_beside_the_page_refuses_alike(bench: ForgeBench) -> None:
    """The other tests ask an API that runs alone."""
    outcome = bench.post("txt2img", BASE | relight(light="left"))
    assert (outcome.status, outcome.images) == (422, [])
    assert outcome.detail == "There is no subject: give IC Light a picture as its subject."

"""Pictures on their way to the stage, in a real browser."""

from __future__ import annotations

import io
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image

from iclight_workshop.host_bench import background, encode, subject

from .conftest import HEIGHT, WIDTH, StagePage

expect = pytest.importorskip("playwright.sync_api").expect

DROP = """([selector, address, type]) => {
    const bytes = Uint8Array.from(atob(address), (each) => each.charCodeAt(0));
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(new File([bytes], "dropped", { type }));
    const send = (target, type) =>
        target.dispatchEvent(new DragEvent(type, { dataTransfer, bubbles: true, cancelable: true }));
    send(document.querySelector(".iclight-area"), "dragenter");
    const target = document.querySelector(selector);
    if (!target || target.hidden || target.parentElement.hidden) return false;
    if (send(target, "dragover")) throw new Error("the browser would open the file");
    if (send(target, "drop")) throw new Error("the browser opens the file");
    return true;
}"""


def drop(stage: StagePage, number: int, image: Image.Image, kind: str = "image/png") -> bool:
    """Drag a file over the stage, and let it go on one of what appears; whether that is there."""
    return stage.page.evaluate(DROP, [f".iclight-drops > :nth-child({number})", encode(image), kind])


def held(stage: StagePage, name: str) -> np.ndarray:
    """The picture that a component has: uint8 [H, W, 3]."""
    address = stage.part(name).locator("img").get_attribute("src")
    data = stage.page.request.get(address).body()
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))


def expect_held(stage: StagePage, name: str, image: Image.Image, before: str | None = None) -> None:
    """:param before: the address of the picture that it had."""
    expect(stage.part(name).locator("img")).not_to_have_attribute("src", before or "")
    assert np.array_equal(held(stage, name), np.asarray(image.convert("RGB")))


def address_of(stage: StagePage, name: str) -> str | None:
    return stage.part(name).locator("img").get_attribute("src")


def test_a_dropped_file_is_the_subject_or_the_background(stage: StagePage) -> None:
    before = address_of(stage, "subject")
    assert drop(stage, 1, background())
    expect_held(stage, "subject", background(), before)
    assert not drop(stage, 2, subject()), "this model looks at no background"
    stage.choose_background_model()
    stage.part("background").get_by_role("radio", name="Left", exact=True).check()
    stage.wait_until_drawn()
    assert drop(stage, 2, subject())
    expect_held(stage, "background_image", subject())
    expect(stage.part("background").get_by_role("radio", name="Picture", exact=True)).to_be_checked()
    expect(stage.root.locator(".iclight-drops")).to_be_hidden()


def test_a_result_is_sent_to_the_panel(stage: StagePage) -> None:
    to_subject, to_background = (
        stage.page.locator("#image_buttons_txt2img").get_by_role("button", name=f"with this picture as {name}")
        for name in ("subject", "background")
    )
    expect(to_background).to_be_hidden()
    stage.choose_background_model()
    before = address_of(stage, "subject")
    stage.page.locator("#txt2img_gallery .thumbnail-item").nth(1).click()
    to_subject.click()
    expect_held(stage, "subject", background(), before)
    to_background.click()
    expect_held(stage, "background_image", background())
    stage.part("enabled").locator(".label-wrap").first.click()
    expect(to_subject).to_be_hidden()


def test_subject_and_background_are_exchanged_mirrored_and_cleared(stage: StagePage) -> None:
    expect(stage.button("Swap subject and background")).to_be_hidden()
    stage.choose_background_model()
    stage.give("background_image", background())
    before = address_of(stage, "subject"), address_of(stage, "background_image")
    stage.button("Swap subject and background").click()
    expect_held(stage, "subject", background(), before[0])
    expect_held(stage, "background_image", subject(), before[1])
    stage.button("Mirror the background").click()
    expect(stage.part("background").get_by_role("radio", name="Mirrored picture", exact=True)).to_be_checked()
    stage.button("Mirror the background").click()
    expect(stage.part("background").get_by_role("radio", name="Picture", exact=True)).to_be_checked()
    stage.button("Clear").click()
    for name in ("subject", "background_image"):
        expect(stage.part(name).locator("img")).to_have_count(0)


def test_the_cut_outs_tools_are_behind_one_button(stage: StagePage) -> None:
    expect(stage.part("show_cutout")).to_be_hidden()
    stage.button("Mend the cut-out").click()
    expect(stage.part("show_cutout")).to_be_visible()
    stage.button("Mend the cut-out").click()
    expect(stage.part("show_cutout")).to_be_visible()


def test_img2imgs_own_picture_is_on_the_stage_where_there_is_no_subject(img2img_stage: StagePage) -> None:
    stage = img2img_stage
    stage.wait_until_drawn()
    expect(stage.subject).to_be_hidden()
    stage.upload(stage.page.locator("#img2img_image"), subject().resize((3 * WIDTH, 3 * HEIGHT)))
    stage.expect_words("Taken as it is")
    expect(stage.subject).to_be_visible()
    seen = stage.drawn()
    assert stage.page.evaluate("JSON.parse(iclight.stage('img2img').question()).subject.length") > 1000
    stage.give("subject", background())
    stage.wait_until_drawn()
    assert stage.page.evaluate("JSON.parse(iclight.stage('img2img').question()).subject") == ""
    assert np.abs(stage.drawn().astype(int) - seen).max() > 30
    stage.button("Clear").click()
    expect(stage.part("subject").locator("img")).to_have_count(0)
    stage.wait_until_drawn()
    assert np.abs(stage.drawn().astype(int) - seen).max() == 0


def test_a_result_that_is_gone_is_said_to_be(stage: StagePage) -> None:
    address = stage.page.locator("#txt2img_gallery img").first.get_attribute("src")
    stage.page.route(address, lambda route: route.fulfill(status=404))
    stage.page.locator("#image_buttons_txt2img").get_by_role("button", name="as subject").click()
    stage.expect_words("The picture can't be had: Not Found. Choose")
    expect_held(stage, "subject", subject())
    stage.errors = [error for error in stage.errors if "404" not in error]


def test_what_is_let_go_beside_the_targets_or_is_no_picture_changes_nothing(stage: StagePage) -> None:
    assert drop(stage, 1, background(), "text/plain")
    stage.expect_words("dropped is no picture. Choose a PNG")
    between = ".iclight-area .iclight-drops"
    stage.root.locator(".iclight-drops").evaluate("targets => { targets.hidden = false; }")
    assert stage.page.evaluate(DROP, [between, encode(background()), "image/png"])
    expect(stage.root.locator(".iclight-drops")).to_be_hidden()
    stage.wait_until_drawn()
    assert np.array_equal(held(stage, "subject"), np.asarray(subject().convert("RGB")))


def test_a_result_whose_name_has_a_per_cent_sign(stage: StagePage) -> None:
    before = address_of(stage, "subject")
    stage.page.route(
        "**/50%", lambda route: route.fulfill(body=b64decode(encode(background())), content_type="image/png")
    )
    stage.page.locator("#txt2img_gallery img").first.evaluate("image => { image.src = '/50%'; }")
    stage.page.locator("#image_buttons_txt2img").get_by_role("button", name="as subject").click()
    expect_held(stage, "subject", background(), before)


def test_a_subject_stays_until_another_is_chosen(stage: StagePage) -> None:
    before = address_of(stage, "subject")
    with stage.page.expect_file_chooser() as opened:
        stage.button("Choose a subject…").click()
    assert address_of(stage, "subject") == before
    path = stage.folder / "chosen.png"
    background().save(path)
    opened.value.set_files(path)
    expect_held(stage, "subject", background(), before)


def test_clear_takes_hidden_pictures_too(stage: StagePage) -> None:
    stage.choose_background_model()
    stage.give("background_image", background())
    stage.part("model").locator("input").click()
    stage.part("model").locator("ul li").nth(0).click()
    expect(stage.part("background_image")).to_be_hidden()
    stage.button("Clear").click()
    for name in ("subject", "background_image"):
        expect(stage.part(name).locator("img")).to_have_count(0)

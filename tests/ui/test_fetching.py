"""The offer to fetch a model from a real server, driven as gradio drives it, and in a browser."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from lib_iclight.ui.choices import Description
from lib_iclight.ui.fetching import FetchOffer, build_offer, connect_offer
from lib_iclight.ui.markup import as_markdown_text
from lib_iclight.weights import jobs
from lib_iclight.weights.manifest import ManifestFile
from tests.chromium import chromium

DATA = bytes(range(256)) * 2000


class Server(ThreadingHTTPServer):
    """Gives out one file: its first half at once, the rest when it is allowed to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.go_on = threading.Event()

    @property
    def url(self) -> str:
        """Where the file is."""
        return f"http://127.0.0.1:{self.server_address[1]}/small.onnx"


class Handler(BaseHTTPRequestHandler):
    """Its answers."""

    server: Server

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        try:
            self.wfile.write(DATA[: len(DATA) // 2])
            self.server.go_on.wait(20)
            self.wfile.write(DATA[len(DATA) // 2 :])
        except OSError:  # cancelled
            self.close_connection = True

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    jobs._jobs.clear()
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.go_on.set()
        server.shutdown()


def describe_in(server: Server, folder: Path) -> Callable[[str | None], Description]:
    """What is said of `small`, whose file is missing until it is in the folder, and of anything else."""
    file = ManifestFile(
        name="small.onnx",
        kind=None,
        purpose="tests",
        url=server.url.replace("http:", "https:"),
        size=len(DATA),
        sha256=hashlib.sha256(DATA).hexdigest(),
        sha256_sources=1,
        licence="MIT",
        author="nobody",
    )
    object.__setattr__(file, "url", server.url)  # the manifest takes https only, which this server doesn't speak

    def describe(value: str | None) -> Description:
        if value != "small":
            return Description(as_markdown_text(value or ""))
        return Description("It is there.") if (folder / file.name).exists() else Description("Not there yet.", file)

    return describe


def offered(server: Server, folder: Path) -> tuple[gr.Blocks, FetchOffer]:
    """A dropdown with one choice, whose file is missing until it is in the folder."""
    describe = describe_in(server, folder)
    with gr.Blocks() as blocks:
        choice = gr.Dropdown(["small", "none"], value="small")
        offer = build_offer("it", describe("small"), describe, lambda _: True, lambda: [folder])
        connect_offer(offer, choice)
    return blocks, offer


def shown(updates: tuple[Any, ...]) -> tuple[str | None, bool, str | None]:
    """What updates show: the text, or None where it is hidden; whether the file can be fetched; and its progress."""
    text, fetch, *progress = updates
    return (text["value"] if text["visible"] else None), fetch["visible"], shown_progress(progress)


def shown_progress(updates: Sequence[Any]) -> str | None:
    """What is shown of fetches that are running; None if nothing is."""
    progress, cancel = updates
    assert progress["visible"] is cancel["visible"]
    return progress["value"] if progress["visible"] else None


def test_it_is_fetched_with_progress(server: Server, tmp_path: Path) -> None:
    _, offer = offered(server, tmp_path)
    assert offer.text.visible and offer.text.value == "Not there yet." and not any(tmp_path.iterdir())
    text, can_fetch, progress = shown(offer.start("small"))
    assert text == "Not there yet." and not can_fetch and "of 1 MB" in str(progress)
    steps = offer.follow("small")
    progress = shown_progress(next(steps))
    assert "small" in str(progress) and "of 1 MB" in str(progress)
    # of another choice there is nothing to fetch, and the progress is seen all the same
    assert shown(offer.state("none"))[:2] == ("none", False) and "of 1 MB" in str(shown(offer.state("none"))[2])
    server.go_on.set()
    *_, last = steps
    assert shown_progress(last) is None and shown(offer.state("small")) == ("It is there.", False, None)
    assert (tmp_path / "small.onnx").read_bytes() == DATA


def test_cancelling_keeps_what_has_come_and_offers_it_again(server: Server, tmp_path: Path) -> None:
    _, offer = offered(server, tmp_path)
    offer.start("small")
    steps = offer.follow("small")
    while "0 of" in str(shown_progress(next(steps))) and not (tmp_path / "small.onnx.part").exists():
        pass
    assert shown(offer.state("small"))[1:] == (False, shown_progress(next(offer.follow(None)))), "so do other pages"
    offer.stop()
    server.go_on.set()
    *_, last = steps
    assert shown_progress(last) is None
    text, can_fetch, progress = shown(offer.state("small"))
    assert "was cancelled" in str(text) and str(text).endswith("Not there yet.") and can_fetch and progress is None
    assert not (tmp_path / "small.onnx").exists()


def test_what_is_there_or_nothing_is_not_fetched(server: Server, tmp_path: Path) -> None:
    _, offer = offered(server, tmp_path)
    for value in (None, ""):
        assert shown(offer.state(value)) == shown(offer.start(value)) == (None, False, None)
        assert [shown_progress(each) for each in offer.follow(value)] == [None]
    offer.stop()
    assert shown(offer.state("small")) == ("Not there yet.", True, None)
    (tmp_path / "small.onnx").write_bytes(DATA)
    assert shown(offer.state("small")) == shown(offer.start("small")) == ("It is there.", False, None)
    assert jobs.last_fetch("small.onnx") is None


def test_what_went_wrong_is_said_and_can_be_tried_again(server: Server, tmp_path: Path) -> None:
    blocker = tmp_path / "ic-light"
    blocker.write_text("a file where the folder should be")
    _, offer = offered(server, blocker)
    offer.start("small")
    list(offer.follow("small"))
    text, can_fetch, _ = shown(offer.state("small"))
    assert as_markdown_text("can't be written to") in str(text) and as_markdown_text(str(blocker)) in str(text)
    assert can_fetch
    server.go_on.set()
    blocker.unlink()
    offer.start("small")
    list(offer.follow("small"))
    assert shown(offer.state("small")) == ("It is there.", False, None)


def test_another_dropdowns_fetches_are_not_shown(server: Server, tmp_path: Path) -> None:
    _, offer = offered(server, tmp_path)
    other = offer._replace(is_for=lambda file: file.name.endswith(".safetensors"))
    assert shown(offer.start("small"))[2] and shown(other.state("none")) == ("none", False, None)
    other.stop()
    server.go_on.set()
    list(offer.follow("small"))
    assert shown(offer.state("small")) == ("It is there.", False, None)


# ------------------------------------------------------------------------------------------------ in a browser


@pytest.fixture
def page(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A page with two panels, as the web UI has one in each tab, each with a button that reads the disk anew."""
    monkeypatch.setenv("GRADIO_ANALYTICS_ENABLED", "False")
    describe = describe_in(server, tmp_path)
    hostile = "<img src=x onerror=alert(1)> ![a](b) $$x$$ `c` www.example.com\n# d"
    with gr.Blocks() as blocks:
        for tab in ("txt2img", "img2img"):
            choice = gr.Dropdown(["small", hostile], value="small", elem_id=f"iclight_{tab}_model")
            refresh = gr.Button("refresh", elem_id=f"iclight_{tab}_refresh")
            offer = build_offer(f"iclight_{tab}_model", describe("small"), describe, lambda _: True, lambda: [tmp_path])
            refresh.click(offer.state, choice, offer.parts, queue=False)
            choice.change(offer.state, choice, offer.parts, queue=False)
            connect_offer(offer, choice)
    _, address, _ = blocks.launch(prevent_thread_lock=True, quiet=True, show_api=False, server_name="127.0.0.1")
    try:
        with chromium() as browser:
            opened = browser.new_page()
            # fonts and scripts from elsewhere can't be had, and are waited for otherwise
            opened.route(lambda url: not url.startswith(address), lambda route: route.abort())
            opened.goto(address)
            yield opened
    finally:
        server.go_on.set()
        blocks.close()


def choose(page: Any, tab: str, number: int) -> None:
    """Choose an entry of a panel's dropdown."""
    page.locator(f"#iclight_{tab}_model input").click()
    page.locator(f"#iclight_{tab}_model ul li").nth(number).click()


def expect_text(page: Any, tab: str, text: str) -> None:
    """See to it that this is said in a panel."""
    from playwright.sync_api import expect

    expect(page.locator(f"#iclight_{tab}_model_offer")).to_contain_text(text)


@pytest.mark.parametrize("chooses_another", [False, True])
def test_when_a_fetch_has_ended_every_panel_shows_it(page: Any, server: Server, chooses_another: bool) -> None:
    from playwright.sync_api import expect

    for tab in ("txt2img", "img2img"):
        expect_text(page, tab, "Not there yet.")
    page.locator("#iclight_txt2img_model_fetch").click()
    progress = page.locator("#iclight_txt2img_model_progress")
    expect(progress).to_contain_text("of 1 MB")
    expect(page.locator("#iclight_txt2img_model_fetch")).to_be_hidden()
    if chooses_another:
        choose(page, "txt2img", 1)
        expect_text(page, "txt2img", "onerror")
        expect(progress).to_contain_text("of 1 MB")
    server.go_on.set()
    expect_text(page, "img2img", "It is there.")
    expect_text(page, "txt2img", "onerror" if chooses_another else "It is there.")
    expect(progress).to_be_hidden()
    expect(page.locator("#iclight_img2img_model_fetch")).to_be_hidden()


def test_a_fetch_is_cancelled_from_either_panel(page: Any, server: Server) -> None:
    from playwright.sync_api import expect

    page.locator("#iclight_txt2img_model_fetch").click()
    expect(page.locator("#iclight_txt2img_model_progress")).to_contain_text("of 1 MB")
    page.locator("#iclight_img2img_refresh").click()
    cancel = page.locator("#iclight_img2img_model_cancel")
    expect(cancel).to_be_visible()
    with page.expect_response(lambda answer: "predict" in answer.url):
        cancel.click()
    server.go_on.set()
    for tab in ("txt2img", "img2img"):
        expect_text(page, tab, "was cancelled")
        expect(page.locator(f"#iclight_{tab}_model_fetch")).to_be_visible()
        expect(page.locator(f"#iclight_{tab}_model_progress")).to_be_hidden()


def test_a_hostile_name_stands_there_as_it_is(page: Any) -> None:
    choose(page, "txt2img", 1)
    expect_text(page, "txt2img", "<img src=x onerror=alert(1)> ![a](b) $$x$$ `c` www.example.com # d")
    shown_text = page.locator("#iclight_txt2img_model_offer")
    assert shown_text.locator("img, a, code, h1, .katex").count() == 0

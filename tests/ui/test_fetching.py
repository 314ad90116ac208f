"""The offer to fetch a model, driven as gradio drives it, from a real server."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from lib_iclight.ui.fetching import FetchOffer, build_offer, connect_offer
from lib_iclight.weights.manifest import ManifestFile

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
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.go_on.set()
        server.shutdown()


def offered(server: Server, folder: Path) -> tuple[gr.Blocks, FetchOffer]:
    """A dropdown with one choice, whose file is missing until it is in the folder."""
    # the manifest takes addresses with https only, and this server has none
    file = ManifestFile.construct(
        name="small.onnx",
        purpose="tests",
        url=server.url,
        size=len(DATA),
        sha256=hashlib.sha256(DATA).hexdigest(),
        sha256_sources=1,
        licence="MIT",
        author="nobody",
    )

    def missing(value: str | None) -> ManifestFile | None:
        return file if value == "small" and not (folder / file.name).exists() else None

    with gr.Blocks() as blocks:
        choice = gr.Dropdown(["small", "none"], value="small")
        offer = build_offer("it", file, lambda: [folder])
        connect_offer(offer, choice, missing, lambda: [folder], lambda: gr.update(choices=["now here"]))
    return blocks, offer


def event(blocks: gr.Blocks, component: Any, name: str) -> Any:
    """The function behind an event."""
    (function,) = [
        each.fn for each in blocks.fns.values() if each.fn and (component._id, name) in map(tuple, each.targets)
    ]
    return function


def test_it_is_fetched_with_progress_and_the_list_renewed(server: Server, tmp_path: Path) -> None:
    blocks, offer = offered(server, tmp_path)
    assert offer.box.visible and "small.onnx" in offer.text.value and not any(tmp_path.iterdir())
    steps = event(blocks, offer.fetch, "click")("small")
    box, text, fetch, cancel, choice = next(steps)
    assert box["visible"] and "of 1 MB" in text["value"] and cancel["visible"] and not fetch["visible"]
    assert "choices" not in choice
    server.go_on.set()
    *_, (box, _, _, _, choice) = steps
    assert not box["visible"] and choice["choices"] == ["now here"]
    assert (tmp_path / "small.onnx").read_bytes() == DATA


def test_cancelling_keeps_what_has_come_and_offers_it_again(server: Server, tmp_path: Path) -> None:
    blocks, offer = offered(server, tmp_path)
    steps = event(blocks, offer.fetch, "click")("small")
    while "0 of" in next(steps)[1]["value"] and not (tmp_path / "small.onnx.part").exists():
        pass
    seen_again = event_on_choice(blocks)("small")
    assert seen_again[0]["visible"] and seen_again[3]["visible"], "another page sees the fetch that is running"
    event(blocks, offer.cancel, "click")("small")
    server.go_on.set()
    *_, (box, text, fetch, cancel, _) = steps
    assert box["visible"] and fetch["visible"] and not cancel["visible"]
    assert "small.onnx" in text["value"] and not (tmp_path / "small.onnx").exists()


def event_on_choice(blocks: gr.Blocks) -> Any:
    """What happens when another model is chosen."""
    (dropdown,) = [each for each in blocks.blocks.values() if isinstance(each, gr.Dropdown)]
    return event(blocks, dropdown, "change")


def test_a_model_that_is_there_needs_no_offer(server: Server, tmp_path: Path) -> None:
    blocks, _ = offered(server, tmp_path)
    assert not event_on_choice(blocks)("none")[0]["visible"]
    assert event_on_choice(blocks)("small")[0]["visible"]


def test_what_went_wrong_is_said_and_can_be_tried_again(server: Server, tmp_path: Path) -> None:
    blocker = tmp_path / "ic-light"
    blocker.write_text("a file where the folder should be")
    blocks, offer = offered(server, blocker)
    *_, (box, text, fetch, _, _) = event(blocks, offer.fetch, "click")("small")
    assert box["visible"] and fetch["visible"] and str(blocker) in text["value"]

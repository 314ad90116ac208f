"""The page, on a real server."""

from __future__ import annotations

import io
import json
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import numpy as np
import pytest
from PIL import Image

from iclight_standalone.__main__ import main
from iclight_standalone.model_files import SMALL, choose_models
from iclight_standalone.page import ADDRESS, build, serve
from iclight_standalone.relighter import Relighter
from lib_iclight.lights import NAMED_BACKGROUNDS, WALL, Background, Window, draw_lights
from lib_iclight.weights.kind import Kind

from .conftest import portrait


@pytest.fixture(scope="module", autouse=True)
def own_proxies() -> Iterator[None]:
    """What serving sets for its process is not there for the tests that follow."""
    with pytest.MonkeyPatch.context() as environment:
        for name in ("no_proxy", "NO_PROXY"):
            environment.setenv(name, ADDRESS)
        yield


STEPS, SIDE = 2, 64

LABELS = {
    "subject": "Subject",
    "prompt": "Prompt",
    "kind": "The light is that of",
    "light": "Light comes from",
    "background": "Background picture",
    "light_denoise": "Light denoise",
    "strength": "Strength",
    "detail_transfer": "Detail transfer",
    "colour_keep": "Colour keep",
    "seed": "Seed",
}


class Visitor:
    """A browser's requests: what the page shows, and a press of its button."""

    def __init__(self, address: str) -> None:
        self._http = httpx.Client(base_url=address, timeout=60)
        self.html = self._http.get("/").raise_for_status().text
        config = self._http.get("/config").raise_for_status().json()
        self.components = {each["id"]: each for each in config["components"]}
        buttons = [number for number, each in self.components.items() if each["props"].get("value") == "Relight"]
        self._press = next(each for each in config["dependencies"] if [buttons[0], "click"] in each["targets"])

    def names(self) -> dict[str, dict[str, Any]]:
        """The button's inputs by what they are called here."""
        inputs = [self.components[number]["props"] for number in self._press["inputs"]]
        found = {
            name: next(props for props in inputs if props["label"].startswith(label)) for name, label in LABELS.items()
        }
        assert len(inputs) == len(found)
        return found

    def relight(self, **values: Any) -> tuple[Image.Image, Image.Image]:
        """Fill the page in, press the button, and wait.

        :raises gr.Error: with the sentence that the page shows.
        """
        names = self.names()
        values = {name: self._sent(value) for name, value in values.items()}
        by_label = {props["label"]: values.get(name, props.get("value")) for name, props in names.items()}
        data = [by_label[self.components[number]["props"]["label"]] for number in self._press["inputs"]]
        session = uuid.uuid4().hex
        sent = {"data": data, "fn_index": self._press["id"], "session_hash": session}
        self._http.post("/queue/join", json=sent).raise_for_status()
        with self._http.stream("GET", "/queue/data", params={"session_hash": session}) as events:
            for line in events.iter_lines():
                event = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
                if event.get("msg") == "process_completed":
                    break
        if not event["success"]:
            raise gr.Error(event["output"]["error"])
        pictures = [self._http.get(f"/file={each['path']}").raise_for_status() for each in event["output"]["data"]]
        first, second = (Image.open(io.BytesIO(picture.content)) for picture in pictures)
        return first, second

    def _sent(self, value: Any) -> Any:
        if not isinstance(value, Image.Image):
            return value
        content = io.BytesIO()
        value.save(content, "PNG")
        uploaded = self._http.post("/upload", files={"files": ("picture.png", content.getvalue(), "image/png")})
        return {"path": uploaded.raise_for_status().json()[0], "meta": {"_type": "gradio.FileData"}}

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="module")
def relighter() -> Relighter:
    return Relighter(choose_models(small=True))


@pytest.fixture(scope="module")
def address(relighter: Relighter) -> Iterator[str]:
    page = build(relighter, STEPS, SIDE)
    yield serve(page, None, wait=False)
    page.close(verbose=False)


@pytest.fixture
def visitor(address: str) -> Iterator[Visitor]:
    visitor = Visitor(address)
    yield visitor
    visitor.close()


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"))


def subject() -> Image.Image:
    """A portrait in a hole of transparency."""
    image = portrait(96, 96).convert("RGBA")
    image.paste((0, 0, 0, 0), (0, 0, 20, 96))
    return image


def test_the_page_says_which_model_it_is(visitor: Visitor) -> None:
    shown = json.dumps([each["props"] for each in visitor.components.values()])
    assert "not Stable Diffusion" in shown
    assert "2.1 million" in shown
    examples = next(each["props"]["samples"] for each in visitor.components.values() if each["type"] == "dataset")
    assert [Path(sample[0]["path"]).name for sample in examples] == sorted(path.name for path in SMALL.glob("*.png"))
    assert [value for _, value in visitor.names()["kind"]["choices"]] == [kind.value for kind in Kind]


def test_the_button_relights_as_the_command_line_does(visitor: Visitor, relighter: Relighter) -> None:
    given = subject()
    right, seen = visitor.relight(subject=given, light="right", prompt="red light", seed=3, light_denoise=0.8)
    settings = {"subject": given, "light": "right", "light_denoise": 0.8}
    generation = {"prompt": "red light", "seed": 3, "steps": STEPS, "width": SIDE, "height": SIDE}
    expected = relighter.relight(Kind.FOREGROUND, settings, **generation)
    assert np.array_equal(pixels(right), pixels(expected.image))
    assert np.array_equal(pixels(seen), pixels(expected.subject))
    assert (pixels(seen)[:, 0] == 127).all()
    left, _ = visitor.relight(subject=given, light="left", prompt="red light", seed=3, light_denoise=0.8)
    assert not np.array_equal(pixels(left), pixels(right))


def test_every_number_reaches_the_result(visitor: Visitor) -> None:
    plain = pixels(visitor.relight(subject=subject())[0])
    for name, value in (
        ("strength", 0.5),
        ("detail_transfer", 1),
        ("colour_keep", 1),
        ("light_denoise", 0.3),
        ("seed", 4),
    ):
        assert not np.array_equal(pixels(visitor.relight(subject=subject(), **{name: value})[0]), plain), name


def test_a_background_is_a_picture_or_plain(visitor: Visitor) -> None:
    asked = {"subject": subject(), "kind": Kind.BACKGROUND.value}
    drawn = draw_lights(NAMED_BACKGROUNDS[Background.TOP], Window.whole(SIDE, SIDE), WALL).to_image()
    top = pixels(visitor.relight(**asked, light="top")[0])
    assert np.array_equal(top, pixels(visitor.relight(**asked, light="left", background=drawn)[0]))
    assert not np.array_equal(top, pixels(visitor.relight(**asked, light="left")[0]))


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({}, "There is no subject"),
        ({"subject": "given", "seed": -7}, "Seed must be a number from -1"),
        ({"subject": "given", "kind": Kind.BACKGROUND.value, "light": "none"}, "needs a side that is bright"),
        ({"subject": "empty"}, "transparent all over"),
    ],
)
def test_what_is_wrong_is_a_sentence(visitor: Visitor, asked: dict[str, Any], says: str) -> None:
    pictures = {"given": subject(), "empty": Image.new("RGBA", (80, 80))}
    filled = {name: pictures.get(value, value) if name == "subject" else value for name, value in asked.items()}
    with pytest.raises(gr.Error, match=says):
        visitor.relight(**filled)


def test_nobody_else_is_served(address: str) -> None:
    port = httpx.URL(address).port
    socket.create_connection((ADDRESS, port), timeout=5).close()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.2", port), timeout=5)


def test_a_taken_port_is_a_sentence(address: str, capsys: pytest.CaptureFixture) -> None:
    port = httpx.URL(address).port
    assert main(["page", "--small", "--port", str(port)]) == 2
    err = capsys.readouterr().err
    assert "Give another --port" in err
    assert str(port) in err

"""What Python draws of the stage. What the page does with it is in `tests/stage`, in a real browser."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from iclight_standalone.host import StandaloneWebUI
from iclight_standalone.sampler import State
from iclight_workshop.host_bench import background, encode, subject
from lib_iclight.fields import DEFAULTS, SETTINGS
from lib_iclight.hosts import Host
from lib_iclight.ui.stage import DRAWN, LONGEST, TOLD, draw_stage
from lib_iclight.weights.kind import Kind

WIDTH, HEIGHT = 128, 192

VALUES = {name: SETTINGS[name].to_panel(DEFAULTS[name]) for name in (*TOLD, *DRAWN)} | {"model": "fc.safetensors"}


def question(**other: Any) -> str:
    return json.dumps({"width": WIDTH, "height": HEIGHT, "seen": False, "subject": "", "number": 7} | other)


def draw(kind: Kind = Kind.FOREGROUND, asked: str | None = None, **values: Any) -> dict[str, Any]:
    """The stage's answer."""
    host = Host(StandaloneWebUI([Path("nowhere")], State()), None, None)
    return json.loads(draw_stage(VALUES | values, question() if asked is None else asked, host, kind))


def pixels(address: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))))


def test_an_empty_stage_has_nothing_drawn() -> None:
    assert draw() == {
        "subject": None,
        "backdrop": None,
        "said": "",
        "problem": "",
        "number": 7,
        "place": {"x": 0.5, "y": 0.5, "scale": 1, "mirrored": False},
    }


def test_the_subject_has_its_transparency() -> None:
    answer = draw(subject=subject())
    drawn = pixels(answer["subject"])
    assert drawn.shape == (HEIGHT, WIDTH, 4) and 0.2 < (drawn[..., 3] > 128).mean() < 0.95
    assert answer["said"] == "Taken as it is." and answer["backdrop"] is None
    seen = pixels(draw(subject=subject(), asked=question(seen=True))["subject"])
    assert seen.shape == (HEIGHT, WIDTH, 3) and (seen[0, 0] == 127).all()


def test_what_is_behind_is_drawn_for_a_model_that_looks_at_it() -> None:
    answer = draw(Kind.BACKGROUND, background_image=background())
    assert pixels(answer["backdrop"]).shape == (HEIGHT, WIDTH, 3)
    mirrored = draw(Kind.BACKGROUND, background_image=background(), background="Mirrored picture")
    assert np.array_equal(pixels(mirrored["backdrop"]), pixels(answer["backdrop"])[:, ::-1])


def test_img2imgs_picture_is_the_subject_where_there_is_no_other() -> None:
    from_tab = draw(asked=question(subject=f"data:image/png;base64,{encode(subject())}"))
    assert np.array_equal(pixels(from_tab["subject"]), pixels(draw(subject=subject())["subject"]))
    other = draw(subject=background(), cutout="Nothing: take it as it is", asked=question(subject=encode(subject())))
    assert pixels(other["subject"]).shape == (HEIGHT, WIDTH, 3), "without transparency"


def test_what_is_wrong_is_said() -> None:
    answer = draw(asked=question(subject="data:image/png;base64,AAAA"))
    assert "can't be decoded" in answer["problem"] and answer["subject"] is None


@pytest.mark.parametrize(
    "asked",
    [
        "",
        "[]",
        "null",
        "{}",
        question(width=7),
        question(height=LONGEST + 1),
        question(width="1e9"),
        question(width=1e999),
    ],
)
def test_a_question_that_is_none_of_the_pages_is_refused(asked: str) -> None:
    assert draw(asked=asked)["problem"] == "The stage's script is missing or an older one: reload the page."


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), st.lists, max_leaves=4), st.text())
def test_whatever_is_asked_there_is_an_answer(value: Any, subject: str) -> None:
    for asked in (subject, json.dumps(value), question(width=value), question(subject=subject), question(seen=value)):
        assert set(draw(asked=asked)) >= {"subject", "backdrop", "problem"}

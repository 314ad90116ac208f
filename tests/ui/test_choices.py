"""What the dropdowns list, and what is said of what is chosen."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from markdown_it import MarkdownIt
from safetensors import SafetensorError, safe_open

from lib_iclight.ui.choices import (
    Description,
    describe_cutout,
    describe_model,
    kind_of_choice,
    list_models,
    relist_models,
)
from lib_iclight.weights import Kind, find_model, offsets, read_catalogue
from lib_iclight.weights.manifest import manifest
from tests.ui.conftest import PUBLISHED, put_model


def describe(name: str | None, *folders: Path) -> Description:
    """What is said of a model, by files that are listed now."""
    return describe_model(name, read_catalogue(folders))


def text_of(description: Description) -> str:
    """What a reader sees of its Markdown."""
    return re.sub(r"\\(.)", r"\1", description.text)


# ------------------------------------------------------------------------------------------------ models


def test_models_are_listed_by_their_names(models: Path) -> None:
    """Those that are there, then damaged ones, then those that can be fetched."""
    listed = list_models(read_catalogue([models]))
    there, damaged = ["a_fbc.safetensors", "b_fc.safetensors"], ["c_other.safetensors", "d_broken.safetensors"]
    assert listed.names == [*there, *damaged, *PUBLISHED]
    assert listed.chosen == "b_fc.safetensors" == find_model(read_catalogue([models]), None).name
    assert set(listed.kinds) == {*there, *PUBLISHED}
    assert [name for name, kind in listed.kinds.items() if kind is Kind.BACKGROUND] == [there[0], PUBLISHED[2]]


def test_without_any_the_first_that_sees_the_subject_is_chosen(tmp_path: Path) -> None:
    listed = list_models(read_catalogue([tmp_path / "missing"]))
    assert (listed.names, listed.chosen) == (PUBLISHED, PUBLISHED[0])
    put_model(tmp_path, "fbc.safetensors", 12)
    assert list_models(read_catalogue([tmp_path])).chosen == "fbc.safetensors"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a_fbc.safetensors", Kind.BACKGROUND),
        ("b_fc.safetensors", Kind.FOREGROUND),
        ("iclight_sd15_fbc.safetensors", Kind.BACKGROUND),
        ("d_broken.safetensors", Kind.FOREGROUND),
        ("gone.safetensors", Kind.FOREGROUND),
        (None, Kind.FOREGROUND),
    ],
)
def test_kinds_of_what_is_listed(models: Path, name: str | None, kind: Kind) -> None:
    assert kind_of_choice(name, read_catalogue([models])) is kind


def test_a_list_is_renewed_and_gradio_takes_what_is_new(tmp_path: Path) -> None:
    with gr.Blocks():
        dropdown = gr.Dropdown(list_models(read_catalogue([tmp_path])).names)
    put_model(tmp_path, "fc.safetensors", 8)
    update: Any = relist_models(dropdown, read_catalogue([tmp_path]))
    assert update["choices"] == ["fc.safetensors", *PUBLISHED]
    assert "value" not in update, "what was chosen stays"
    assert dropdown.preprocess("fc.safetensors") == "fc.safetensors", "from any page"


def test_of_a_model_that_is_there_it_is_said_what_it_looks_at(models: Path) -> None:
    said = {name: describe(name, models) for name in ("a_fbc.safetensors", "b_fc.safetensors")}
    assert [text_of(each) for each in said.values()] == [
        "a_fbc.safetensors looks at the foreground and background: the background gives the light.",
        "b_fc.safetensors looks at the foreground: you give the light.",
    ]
    assert not any(each.to_fetch for each in said.values())
    assert describe(None, models) == describe("", models) == Description()


def test_a_model_that_can_be_fetched_is_offered(tmp_path: Path) -> None:
    offered = describe(PUBLISHED[0], tmp_path / "mis*sing")
    assert offered.to_fetch is manifest()[PUBLISHED[0]] and "mis\\*sing" in offered.text
    for said in (PUBLISHED[0], "1.7 GB", "Apache-2.0", "Lvmin Zhang", str(tmp_path / "mis*sing"), "relight a subject"):
        assert said in text_of(offered)
    assert f"]({offered.to_fetch.url})" in offered.text


def test_of_a_damaged_model_it_is_said_what_to_do(models: Path) -> None:
    damaged = describe("d_broken.safetensors", models)
    assert text_of(damaged).startswith("d_broken.safetensors is not a safetensors file")
    assert "Replace it" in damaged.text and damaged.to_fetch is None
    (models / PUBLISHED[2]).write_bytes(b"x")
    published = describe(PUBLISHED[2], models)
    assert "Replace it" in published.text and published.to_fetch is manifest()[PUBLISHED[2]], "it can be fetched anew"


def test_of_a_model_that_is_nowhere_it_is_said(models: Path) -> None:
    """Restored from saved defaults or pasted from a picture."""
    gone = describe("gone*.safetensors", models)
    assert gone == Description("There is no gone\\*\\.safetensors in the models\\' folders\\.")


def test_a_published_name_for_something_else_in_another_folder_is_offered(tmp_path: Path) -> None:
    """It is fetched into IC-Light's own folder; a model under that name is used from where it is."""
    own, other = tmp_path / "ic-light", tmp_path / "unet"
    put_model(other, PUBLISHED[0], 4)
    put_model(other / "below", PUBLISHED[2], 12)
    assert list_models(read_catalogue([own, other])).names == [PUBLISHED[2], PUBLISHED[0], PUBLISHED[1]]
    assert [describe(name, own, other).to_fetch is not None for name in PUBLISHED] == [True, True, False]


def test_a_file_that_can_not_be_opened_right_now_is_not_offered(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On Windows another program may hold it: safetensors then says that there is no such file."""

    def held_by_another(*args: Any, **how: Any) -> None:
        raise FileNotFoundError("No such file or directory")

    put_model(models, PUBLISHED[0], 8)
    monkeypatch.setattr(offsets, "safe_open", held_by_another)
    held = describe(PUBLISHED[0], models)
    assert held.to_fetch is None and "can\\'t be read right now" in held.text
    assert describe(PUBLISHED[2], models).to_fetch is not None


def test_somebodys_own_file_under_a_published_name_is_not_offered(models: Path) -> None:
    """What is wrong with it is said; only what nobody can open may be replaced."""
    put_model(models, PUBLISHED[2], 9)
    put_model(models, PUBLISHED[1], 8)
    other = describe(PUBLISHED[2], models)
    assert other.to_fetch is None and "move it out of" in other.text
    assert describe(PUBLISHED[1], models) == Description(describe(PUBLISHED[1], models).text)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
@pytest.mark.parametrize("state", ["there", "damaged", "gone"])
def test_hostile_names_are_text_and_nothing_else(tmp_path: Path, state: str) -> None:
    """And so is what a hostile header holds."""
    name = "<img src=x onerror=alert(1)> ![a](b) *c*\n# d `e`.safetensors"
    if state == "there":
        put_model(tmp_path, name, 8)
    elif state == "damaged":
        header = b'{"a": {"dtype": "<img src=x> [a](b)", "shape": [1], "data_offsets": [0, 2]}}'
        (tmp_path / name).write_bytes(len(header).to_bytes(8, "little") + header + b"xx")
    tokens = MarkdownIt("commonmark", {"html": True}).parse(describe(name, tmp_path).text)
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    assert {child.type for child in tokens[1].children or []} <= {"text", "text_special"}
    shown = "".join(child.content for child in tokens[1].children or [])
    assert "<img src=x onerror=alert(1)> ![a](b) *c* # d `e`.safetensors" in shown
    if state == "damaged":
        with pytest.raises(SafetensorError) as caught:
            safe_open(tmp_path / name, "pt")
        quoted = "<img src=x> [a](b)"  # by newer releases of safetensors
        assert (quoted in shown) == (quoted in str(caught.value))


# ------------------------------------------------------------------------------------------------ cut-outs


def test_of_a_matting_model_licence_and_size_are_said(tmp_path: Path) -> None:
    offered = describe_cutout("U²-Net, small", read_catalogue([tmp_path]))
    assert offered.to_fetch is manifest()["u2netp.onnx"]
    assert "is not there yet: 5 MB, Apache-2.0, by Xuebin Qin and others" in text_of(offered)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "u2netp.onnx").write_bytes(b"there")
    there = describe_cutout("U²-Net, small", read_catalogue([tmp_path]))
    assert text_of(there) == "u2netp.onnx: Apache-2.0, by Xuebin Qin and others." and there.to_fetch is None


@pytest.mark.parametrize("label", [None, "", "The best that is there", "GrabCut (fallback, no model)", "nonsense"])
def test_of_what_needs_no_file_nothing_is_said(tmp_path: Path, label: str | None) -> None:
    assert describe_cutout(label, read_catalogue([tmp_path])) == Description()

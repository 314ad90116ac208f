"""What is said of a tab's values."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from lib_iclight.hosts.tab import TabPart
from lib_iclight.setting_types import Tab
from lib_iclight.ui.advice import advise, advise_on_checkpoint
from lib_iclight.weights.kind import Kind

FC, FBC = Kind.FOREGROUND, Kind.BACKGROUND
GOOD = {
    TabPart.CFG: 2,
    TabPart.WIDTH: 512,
    TabPart.HEIGHT: 768,
    TabPart.DENOISING: 0.95,
    TabPart.HIRES: False,
    TabPart.HIRES_CFG: 2,
}

CASES: list[tuple[Kind, Tab, dict[TabPart, Any], list[str]]] = [
    (FC, Tab.TXT2IMG, {}, []),
    (FC, Tab.TXT2IMG, {TabPart.CFG: 4}, []),
    (FC, Tab.TXT2IMG, {TabPart.CFG: 4.5}, ["set CFG Scale to about 2"]),
    (FC, Tab.IMG2IMG, {TabPart.CFG: 7}, ["set CFG Scale to about 2"]),
    (FBC, Tab.TXT2IMG, {TabPart.CFG: 7, TabPart.HIRES: True, TabPart.HIRES_CFG: 7}, []),
    (FC, Tab.TXT2IMG, {TabPart.HIRES_CFG: 7}, []),
    (FC, Tab.TXT2IMG, {TabPart.HIRES: True, TabPart.HIRES_CFG: 7}, ["set Hires CFG Scale to about 2"]),
    (FC, Tab.TXT2IMG, {TabPart.DENOISING: 0.5}, []),
    (FC, Tab.IMG2IMG, {TabPart.DENOISING: 0.8}, []),
    (FC, Tab.IMG2IMG, {TabPart.DENOISING: 0.75}, ["At a Denoising strength of 0.75"]),
    (FBC, Tab.IMG2IMG, {TabPart.DENOISING: 0.5}, []),
    (FC, Tab.TXT2IMG, {TabPart.WIDTH: 384}, []),
    (FBC, Tab.TXT2IMG, {TabPart.WIDTH: 320}, ["320 × 768"]),
    (FC, Tab.IMG2IMG, {TabPart.HEIGHT: 64}, ["512 × 64"]),
    (FC, Tab.TXT2IMG, {TabPart.WIDTH: 1024, TabPart.HEIGHT: 1024}, []),
    (FC, Tab.TXT2IMG, {TabPart.WIDTH: 1024, TabPart.HEIGHT: 1032}, ["with Hires. fix or Full size"]),
    (FC, Tab.IMG2IMG, {TabPart.WIDTH: 1024, TabPart.HEIGHT: 1536}, ["enlarge with Full size"]),
    (
        FC,
        Tab.IMG2IMG,
        {TabPart.CFG: 7, TabPart.DENOISING: 0.5, TabPart.WIDTH: 128},
        ["CFG Scale of 7", "Denoising strength of 0.5", "128 × 768"],
    ),
]


@pytest.mark.parametrize(("kind", "tab", "values", "expected"), CASES)
def test_only_what_fails_is_pointed_out(kind: Kind, tab: Tab, values: dict[TabPart, Any], expected: list[str]) -> None:
    advice = advise(kind, tab, GOOD | values)
    assert len(advice) == len(expected)
    assert all(part in sentence for part, sentence in zip(expected, advice, strict=True))
    assert all(": set " in sentence and sentence.endswith(".") for sentence in advice), "what happens, and what to set"


@given(
    kind=st.sampled_from(Kind),
    tab=st.sampled_from(Tab),
    values=st.dictionaries(
        st.sampled_from(TabPart), st.none() | st.text() | st.booleans() | st.integers() | st.floats()
    ),
)
def test_whatever_the_page_sends_it_only_advises(kind: Kind, tab: Tab, values: dict[TabPart, Any]) -> None:
    advice = advise(kind, tab, values)
    numbers = [value for value in values.values() if isinstance(value, (int, float)) and not isinstance(value, bool)]
    assert all(isinstance(sentence, str) for sentence in advice)
    assert numbers or not advice


def checkpoint(path: Path, channels: int, *more: str) -> Path:
    """A file that looks like a checkpoint, as far as its header tells the family."""
    tensors = {"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(8, channels, 3, 3)}
    save_file(tensors | {name: torch.zeros(1) for name in more}, path)
    return path


def test_a_checkpoint_is_told_as_a_generation_is_refused(tmp_path: Path) -> None:
    assert advise_on_checkpoint(None) == [] == advise_on_checkpoint(tmp_path / "gone.safetensors")
    assert advise_on_checkpoint(checkpoint(tmp_path / "good.safetensors", 4)) == []
    (sentence,) = advise_on_checkpoint(checkpoint(tmp_path / "<b>.safetensors", 9))
    assert "an inpainting checkpoint" in sentence and "choose an SD 1\\.5 checkpoint" in sentence
    assert "<b>" not in sentence.replace("\\<b\\>", ""), "its name is text"
    xl = checkpoint(tmp_path / "xl.safetensors", 4, "model.diffusion_model.label_emb.0.0.weight")
    assert "is SDXL" in advise_on_checkpoint(xl)[0]


def test_another_checkpoint_under_the_same_name_is_read_anew(tmp_path: Path) -> None:
    path = checkpoint(tmp_path / "c.safetensors", 9)
    assert advise_on_checkpoint(path)
    checkpoint(path, 4)
    os.utime(path, ns=(1, 1))
    assert advise_on_checkpoint(path) == []

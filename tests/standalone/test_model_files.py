"""Which models are used, where the extension lies in a Forge and where it doesn't."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from iclight_standalone import model_files
from iclight_standalone.__main__ import main
from iclight_standalone.model_files import SMALL, choose_models
from iclight_standalone.relighter import Relighter
from iclight_standalone.stable_diffusion import PARTS
from lib_iclight.errors import ICLightError
from lib_iclight.weights.kind import Kind
from tests.conftest import random_offsets

from .conftest import portrait

FIRST = "input_blocks.0.0.weight"
CONTEXT = "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"


def write_checkpoint(path: Path, first: tuple[int, ...] = (320, 4, 3, 3), width: int = 768, **left_out: bool) -> Path:
    """What a checkpoint's header is told by, in SD 1.5's true shapes."""
    shapes = {PARTS["unet"] + FIRST: first, PARTS["unet"] + CONTEXT: (320, width)}
    shapes |= {prefix + "some.weight": (1,) for part, prefix in PARTS.items() if part not in left_out}
    if "unet" in left_out:
        shapes = {name: shape for name, shape in shapes.items() if not name.startswith(PARTS["unet"])}
    save_file({name: torch.zeros(shape, dtype=torch.float16) for name, shape in shapes.items()}, path)
    return path


def write_iclight(path: Path, channels: int = 8) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(random_offsets(channels), path)
    return path


@pytest.fixture
def forge(tmp_path: Path) -> Path:
    """A web UI's folder with checkpoints of all sorts, and no IC-Light model yet."""
    checkpoints = tmp_path / "web ui" / "models" / "Stable-diffusion"
    checkpoints.mkdir(parents=True)
    write_checkpoint(checkpoints / "a-inpainting.safetensors", (320, 9, 3, 3))
    write_checkpoint(checkpoints / "b-sd2.safetensors", width=1024)
    write_checkpoint(checkpoints / "c-without-vae.safetensors", vae=False)
    write_checkpoint(checkpoints / "d-vae.safetensors", unet=False)
    (checkpoints / "e-cut-short.safetensors").write_bytes(b"\x10\x00")
    write_checkpoint(checkpoints / "z-last.safetensors")
    write_checkpoint(checkpoints / "f-sd15.safetensors")
    (tmp_path / "web ui" / "extensions" / "iclight").mkdir(parents=True)
    return tmp_path / "web ui"


@pytest.fixture
def extension(forge: Path) -> Path:
    return forge / "extensions" / "iclight"


def test_forges_own_files_are_found(forge: Path, extension: Path) -> None:
    fc = write_iclight(forge / "models" / "ic-light" / "iclight_sd15_fc.safetensors")
    write_iclight(forge / "models" / "ic-light" / "iclight_sd15_fcon.safetensors")
    fbc = write_iclight(forge / "models" / "unet" / "something.safetensors", 12)
    models = choose_models(extension=extension)
    assert models.checkpoint == forge / "models" / "Stable-diffusion" / "f-sd15.safetensors"
    assert models.iclight == {Kind.FOREGROUND: fc, Kind.BACKGROUND: fbc}
    assert models.side == 512
    assert all(name in models.note for name in ("f-sd15", "iclight_sd15_fc.", "something", "minutes"))
    assert choose_models(small=True, extension=extension).checkpoint == SMALL / "small_sd15.safetensors"


def test_a_forge_without_all_of_them_leaves_the_small_ones(forge: Path, extension: Path, tmp_path: Path) -> None:
    models = choose_models(extension=extension)
    assert models.checkpoint == SMALL / "small_sd15.safetensors"
    assert models.side == 256
    assert models.folders[0] == forge / "models" / "ic-light", "matting models are Forge's all the same"
    write_iclight(forge / "models" / "ic-light" / "iclight_sd15_fc.safetensors")
    for path in (forge / "models" / "Stable-diffusion").glob("*sd15*"):
        path.unlink()
    (forge / "models" / "Stable-diffusion" / "z-last.safetensors").unlink()
    assert choose_models(extension=extension).checkpoint == SMALL / "small_sd15.safetensors"


def test_a_named_file_is_joined_by_forges_other(forge: Path, extension: Path, tmp_path: Path) -> None:
    fc = write_iclight(forge / "models" / "ic-light" / "iclight_sd15_fc.safetensors")
    mine, own = write_checkpoint(tmp_path / "mine.safetensors"), write_iclight(tmp_path / "own.safetensors", 12)
    assert choose_models(mine, extension=extension).find(Kind.FOREGROUND) == fc
    named = choose_models(iclight=own, extension=extension)
    assert (named.checkpoint.name, named.iclight) == ("f-sd15.safetensors", {Kind.BACKGROUND: own})
    with pytest.raises(ICLightError, match="looks at the foreground: name one with --iclight"):
        named.find(Kind.FOREGROUND)


@pytest.mark.parametrize(("option", "says"), [("checkpoint", "--iclight"), ("iclight", "--checkpoint")])
def test_a_file_alone_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_offsets: Callable[..., Path], option: str, says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    files = {"checkpoint": tmp_path / "mine.safetensors", "iclight": write_offsets()}
    with pytest.raises(ICLightError, match=f"name one with {says}"):
        choose_models(**{option: files[option]}, extension=tmp_path / "iclight")


def test_fetched_files_are_found_without_a_forge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`python -m lib_iclight.weights fetch` puts them into models/ic-light of the current folder."""
    monkeypatch.chdir(tmp_path)
    fetched = write_iclight(Path("models/ic-light/iclight_sd15_fc.safetensors"))
    assert choose_models(Path("mine.safetensors"), extension=tmp_path / "iclight").find(Kind.FOREGROUND) == fetched


def test_files_of_two_folders_serve_one_web_ui(tmp_path: Path) -> None:
    small = choose_models(small=True)
    iclight = {kind: tmp_path / kind.name / path.name for kind, path in small.iclight.items()}
    for kind, path in iclight.items():
        path.parent.mkdir()
        shutil.copy(small.find(kind), path)
    relighter = Relighter(dataclasses.replace(small, iclight=iclight))
    subject = {"subject": portrait(), "cutout": "none"}
    for kind, where in ((Kind.FOREGROUND, {"light": "left"}), (Kind.BACKGROUND, {"background": "left"})):
        relit = relighter.relight(kind, {**subject, **where}, steps=1, width=64, height=64)
        assert relit.image.size == relit.subject.size == (64, 64)
        assert not relit.comments


def test_files_that_do_not_fit_are_refused_before_any_picture(write_offsets: Callable[..., Path]) -> None:
    small = choose_models(small=True)
    with pytest.raises(ICLightError, match="made for a text encoder of width 64"):
        Relighter(dataclasses.replace(small, iclight={Kind.FOREGROUND: write_offsets()}))


def test_the_command_says_which_files_it_takes(
    forge: Path, extension: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(model_files, "EXTENSION", extension)
    write_iclight(forge / "models" / "ic-light" / "iclight_sd15_fc.safetensors")
    # the first by name, and soon refused: it has hardly any of a checkpoint's tensors
    (forge / "models" / "Stable-diffusion" / "f-sd15.safetensors").unlink()
    portrait().save(tmp_path / "photo.png")
    assert main([str(tmp_path / "photo.png"), "--output", str(tmp_path / "out")]) == 2
    out, err = capsys.readouterr()
    assert "z-last.safetensors with iclight_sd15_fc.safetensors" in out
    assert err.startswith("z-last.safetensors is no whole SD 1.5 checkpoint: ")
    assert len(err.splitlines()) == 1

"""The command line and the demo. (What a relight computes is the contract's.)"""

from __future__ import annotations

import functools
import os
import resource
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from safetensors.torch import load_file, save_file

from iclight_standalone import relighter
from iclight_standalone.__main__ import main
from iclight_standalone.command import name_outputs
from iclight_standalone.model_files import SMALL
from iclight_standalone.relighter import choose_size
from lib_iclight.lights import NAMED_BACKGROUNDS, NAMED_LIGHTS, WALL, Background, Light, Window, draw_lights
from lib_iclight.weights.convert import convert

from .conftest import portrait

QUICK = ["--small", "--steps", "1", "--cutout", "none"]
SIZED = [*QUICK, "--width", "64", "--height", "64"]
FBC = str(SMALL / "ic-light" / "iclight_sd15_fbc.safetensors")
CHECKPOINT = str(SMALL / "small_sd15.safetensors")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A photo in a folder of its own."""
    (tmp_path / "photos").mkdir()
    portrait().save(tmp_path / "photos" / "photo.png")
    return tmp_path / "photos" / "photo.png"


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def relit(photo: Path, output: Path, *arguments: str) -> np.ndarray:
    """The pixels of a photo that was relit."""
    assert main([str(photo), *SIZED, "--output", str(output), *arguments]) == 0
    return pixels(output)


def test_one_picture(photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.chdir(tmp_path)
    before = photo.read_bytes()
    assert main([str(photo), *SIZED]) == 0
    assert str(Path("outputs/relit/photo.png")) in capsys.readouterr().out
    left = relit(photo, tmp_path / "left.png", "--light", "left")
    assert np.array_equal(left, pixels(tmp_path / "outputs" / "relit" / "photo.png")), "left is the default"
    assert left.shape == (64, 64, 3)
    assert photo.read_bytes() == before
    assert not list(tmp_path.rglob("*.part"))


def test_the_smallest_picture_without_guidance(photo: Path, tmp_path: Path) -> None:
    assert relit(photo, tmp_path / "out.png", "--cfg", "1").shape == (64, 64, 3)


def test_lights_by_name_and_by_picture(photo: Path, tmp_path: Path) -> None:
    out, drawn = tmp_path / "out.png", tmp_path / "light.png"
    draw_lights(NAMED_LIGHTS[Light.TOP], Window.whole(64, 64)).to_image().save(drawn)
    top = relit(photo, out, "--light", "top")
    assert not np.array_equal(top, relit(photo, out, "--light", "bottom"))
    assert np.array_equal(top, relit(photo, out, "--light", str(drawn)))
    assert not np.array_equal(top, relit(photo, out, "--light", "top", "--light-denoise", "0.5", "--steps", "2"))


def test_backgrounds_by_name_and_by_picture(photo: Path, tmp_path: Path) -> None:
    out, drawn = tmp_path / "out.png", tmp_path / "background.png"
    draw_lights(NAMED_BACKGROUNDS[Background.RIGHT], Window.whole(64, 64), WALL).to_image().save(drawn)
    right = relit(photo, out, "--background", "right")
    assert np.array_equal(right, relit(photo, out, "--background", str(drawn)))
    named = ["--checkpoint", CHECKPOINT, "--iclight", FBC, *SIZED[1:]]
    guided = ["--cfg", "2"]  # by default real weights are guided by more
    assert main([str(photo), *named, *guided, "--background", "right", "--output", str(out)]) == 0
    assert np.array_equal(right, pixels(out)), "the same files, by name"


def test_a_folder_goes_on_after_what_cannot_be_relit(tmp_path: Path, capsys: Any) -> None:
    folder, out = tmp_path / "фото 写真", tmp_path / "relit"
    folder.mkdir()
    portrait().save(folder / "a.jpg")
    portrait().save(folder / "a.png")
    portrait(60, 120).save(folder / "Straße.WEBP", format="WEBP")
    (folder / "b.jpg").write_bytes(b"no picture")
    (folder / "c.png").write_bytes(b"")
    (folder / "notes.txt").write_text("not a picture's name", encoding="utf-8")
    assert main([str(folder), *QUICK, "--width", "64", "--output", str(out)]) == 2
    assert {path.name for path in out.iterdir()} == {"a.jpg.png", "a.png.png", "Straße.png"}
    assert Image.open(out / "Straße.png").size == (64, 128), "its own shape"
    said, wrong = capsys.readouterr()
    lines = [line for line in wrong.replace("\r", "\n").splitlines() if "relighting" not in line and line.strip()]
    assert len(lines) == 3
    assert f"{folder / 'b.jpg'}: The picture in this file can't be decoded" in wrong
    assert f"{folder / 'c.png'}: this file is empty" in wrong
    assert lines[-1] == "2 of 5 pictures could not be relit."
    assert said.count("small model") == 1, "the models are loaded once"


def test_a_sentence_for_what_is_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setattr(relighter, "MAX_BYTES", 10**6)
    missing, large = tmp_path / "nothing.png", tmp_path / "large.png"
    with large.open("wb") as file:
        file.truncate(2 * 10**6)
    given = [str(missing), str(large), os.devnull]
    assert main([*given, *SIZED, "--output", str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.splitlines() == [
        f"{missing}: this file can't be opened: No such file or directory.",
        f"{large}: this file has 2 MB: at most 1 are taken.",
        f"{os.devnull}: this file is no ordinary file: give a picture.",
        "3 of 3 pictures could not be relit.",
    ]
    assert not (tmp_path / "out").exists()


def test_a_picture_given_twice_is_relit_once(photo: Path, tmp_path: Path, capsys: Any) -> None:
    (photo.parent / "more").mkdir()
    again = photo.parent / "more" / ".." / photo.name
    assert main([str(again), str(photo.parent), *SIZED, "--output", str(tmp_path / "out")]) == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["photo.png"]


def test_files_of_others_stay(photo: Path, tmp_path: Path) -> None:
    download = tmp_path / "out" / "photo.png.part"
    download.parent.mkdir()
    download.write_bytes(b"somebody's")
    relit(photo, tmp_path / "out" / "photo.png")
    assert {path.name for path in download.parent.iterdir()} == {"photo.png", "photo.png.part"}
    assert download.read_bytes() == b"somebody's"


def _case(says: str, *arguments: str) -> Any:
    return pytest.param(arguments, says, id=says)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        _case("--light must be one of none, left", "photos/photo.png", "--light", "sideways"),
        _case("photo.txt can't be decoded", "photos/photo.png", "--light", "photo.txt"),
        _case("--background must be one of own, left", "photos/photo.png", "--background", "beach"),
        _case("--steps must be a number from 1", "photos/photo.png", "--steps", "0"),
        _case("--seed must be a number from -1", "photos/photo.png", "--seed", "-2"),
        _case("--width must be a number from 64", "photos/photo.png", "--width", "20"),
        _case("--cfg must be a number from 1 to 30, not nan", "photos/photo.png", "--cfg", "nan"),
        _case("strength must be a number from 0.05", "photos/photo.png", "--strength", "3"),
        _case("light_denoise must be a number", "photos/photo.png", "--light-denoise", "0"),
        _case("cutout must be one of auto", "photos/photo.png", "--cutout", "scissors"),
        _case(
            "light has no effect with iclight_sd15_fbc", "photos/photo.png", "--light", "left", "--background", "left"
        ),
        _case("--output must name a folder or a .png file", "photos/photo.png", "--output", "picture.jpg"),
        _case("--output must name a folder for several", "photos", "--output", "picture.png"),
        _case("There is no picture in the folder empty", "empty"),
        _case("photo.png would be overwritten", "photos/photo.png", "--output", "photos/photo.png"),
        _case("would be overwritten, which is photos", "photos", "--output", "photos"),
        _case("photo.png lies beside the pictures", "photos/beside.jpg", "light/photo.jpg", "--output", "photos"),
        _case("--background must be one of own, left", "photos/photo.png", "--background", "a beach " * 40),
        _case("can't be read: File name too long", "long" * 80),
        _case("can't be used: File name too long", "photos/photo.png", "--output", "long" * 80),
        _case("light.png would be overwritten", "photos/photo.png", "--light", "light.png", "--output", "light.png"),
        _case("--small goes with neither", "photos/photo.png", "--checkpoint", "some.safetensors"),
        _case("--steps must be a number from 1", "demo", "--steps", "0"),
        _case("--size must be a number from 64", "demo", "--size", "8"),
        _case("--output must name a .png file", "demo", "--output", "sheet.jpg"),
        _case("--port must be a number from 1", "page", "--port", "0"),
    ],
)
def test_a_refusal_is_one_sentence(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: Any, arguments: tuple[str, ...], says: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("empty").mkdir()
    Path("photo.txt").write_text("no picture", encoding="utf-8")
    portrait().save("light.png")
    Path("light").mkdir()
    portrait().save("light/photo.jpg")
    portrait().save("photos/beside.jpg")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    assert main([*arguments, "--small"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert says in err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


@pytest.mark.parametrize(
    ("named", "says"),
    [
        (["--checkpoint", "none.safetensors", "--iclight", FBC, "--background", "left"], "none.safetensors can't be"),
        (["--checkpoint", CHECKPOINT, "--iclight", "none.safetensors"], "none.safetensors can't be read"),
        (["--checkpoint", CHECKPOINT, "--iclight", FBC], "looks at a background: give --background"),
        (["--checkpoint", CHECKPOINT, "--iclight", CHECKPOINT], "it is a whole checkpoint"),
        (["--checkpoint", FBC, "--iclight", FBC, "--background", "left"], "is no SD 1.5 checkpoint"),
    ],
)
def test_a_sentence_for_wrong_models(photo: Path, capsys: Any, named: list[str], says: str) -> None:
    assert main([str(photo), *named]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("model.diffusion_model.input_blocks.0.0.weight", (48, 4, 3, 3)),
        ("model.diffusion_model.input_blocks.0.0.weight", (64,)),
        ("cond_stage_model.transformer.text_model.embeddings.token_embedding.weight", (49408,)),
    ],
)
def test_a_sentence_for_a_checkpoint_of_odd_shapes(
    photo: Path, tmp_path: Path, capsys: Any, name: str, shape: tuple[int, ...]
) -> None:
    path = tmp_path / "odd.safetensors"
    save_file({**load_file(CHECKPOINT), name: torch.zeros(shape)}, path)
    assert main([str(photo), "--checkpoint", str(path), "--iclight", FBC, "--background", "left"]) == 2
    err = capsys.readouterr().err
    assert "odd.safetensors is no whole SD 1.5 checkpoint" in err
    assert len(err.splitlines()) == 1


def test_what_cannot_be_written_leaves_nothing(photo: Path, tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "out" / "photo.png").mkdir(parents=True)
    assert main([str(photo), *SIZED, "--output", str(tmp_path / "out")]) == 2
    assert "photo.png can't be written" in capsys.readouterr().err
    assert not list(tmp_path.rglob("*.part"))
    (tmp_path / "file").write_bytes(b"")
    assert main([str(photo), *SIZED, "--output", str(tmp_path / "file" / "inside.png")]) == 2
    assert "inside.png can't be written" in capsys.readouterr().err


def test_an_earlier_result_stays_until_the_new_one_is_whole(photo: Path, tmp_path: Path) -> None:
    earlier = tmp_path / "out" / "photo.png"
    earlier.parent.mkdir()
    earlier.write_bytes(b"earlier")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limit[1]))  # the disk is full in the middle of the picture
    try:
        assert main([str(photo), *SIZED, "--output", str(tmp_path / "out")]) == 2
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert earlier.read_bytes() == b"earlier"
    assert [path.name for path in earlier.parent.iterdir()] == ["photo.png"]


@given(st.lists(st.text("aAÄ.-12pngé\u0301e", min_size=1, max_size=5).filter(lambda name: set(name) != {"."})))
def test_every_picture_has_a_name_of_its_own(names: list[str]) -> None:
    """Also where the file system tells neither case nor composed from decomposed letters."""
    made = name_outputs([Path("some", name) for name in names])
    assert len({unicodedata.normalize("NFC", name).casefold() for name in made}) == len(names)
    for name, target in zip(names, made, strict=True):
        assert target.endswith(".png")
        assert target.startswith(Path(name).stem)


def test_names_stay() -> None:
    assert name_outputs([Path("x/a.jpg"), Path("y/b.webp")]) == ["a.png", "b.png"]
    assert name_outputs([Path("x/a.jpg"), Path("x/a.png"), Path("y/A.jpg")]) == [
        "a.jpg.png",
        "a.png.png",
        "A.jpg-2.png",
    ]


@given(st.integers(1, 3000), st.integers(1, 3000), st.sampled_from([64, 256, 512]))
def test_sizes_have_the_pictures_shape(width: int, height: int, side: int) -> None:
    sampled = choose_size(Image.new("L", (width, height)), side)
    assert all(length % 8 == 0 and length >= 64 for length in sampled)
    shape = min(max(width / height, 0.5), 2)
    if side > 64:
        assert sampled[0] / sampled[1] == pytest.approx(shape, rel=0.06)
        assert sampled[0] * sampled[1] == pytest.approx(side**2, rel=0.06)


def test_sizes_that_are_given() -> None:
    size = functools.partial(choose_size, Image.new("L", (300, 200)), 256)
    assert size(width=100, height=130) == (96, 128)
    assert size(width=240) == (240, 160)
    assert size(height=200) == (296, 200)
    assert size(height=2048) == (2048, 2048), "cropped to what can be sampled"


def printed_error(said: str) -> float:
    """How far the UNet is from diffusers', as the demo prints it."""
    line = next(line for line in said.splitlines() if "relative error" in line)
    return float(line.split()[-1])


def test_demo_takes_named_files_in_either_naming(tmp_path: Path, capsys: Any) -> None:
    converted = tmp_path / "ldm.safetensors"
    convert(SMALL / "ic-light" / "iclight_sd15_fc.safetensors", converted)
    files = ["--checkpoint", CHECKPOINT, "--iclight", str(converted)]
    assert main(["demo", *files, "--steps", "1", "--size", "64", "--output", str(tmp_path / "demo.png")]) == 0
    said = capsys.readouterr().out
    assert "small_sd15.safetensors with ldm.safetensors" in said
    assert printed_error(said) < 1e-5


def test_demo_is_one_sheet(tmp_path: Path, capsys: Any) -> None:
    output = tmp_path / "new" / "demo.png"
    assert main(["demo", "--small", "--steps", "1", "--size", "64", "--output", str(output)]) == 0
    said = capsys.readouterr().out
    assert f"Sheet: {output}" in said
    assert "make page" in said
    assert "not Stable Diffusion" in said
    assert printed_error(said) < 1e-5
    sheet = pixels(output).astype(int)
    left, top, step, cell = 12, 96, 268, 256
    rows = [[sheet[y : y + cell, x : x + cell] for x in range(left, left + 5 * step, step)] for y in (top, top + step)]
    pictures = [picture for row in rows for picture in row]
    assert len({picture.tobytes() for picture in pictures}) == 10, "every light makes its own picture of a subject"
    assert all((row[0][0, 0] == 127).all() for row in rows), "subjects stand on grey"
    thumbnails = [sheet[14:58, x + 2 : x + 46, 0] for x in range(left + step, left + 5 * step, step)]
    for number, (thumbnail, axis, sign) in enumerate(zip(thumbnails, (1, 1, 0, 0), (-1, 1, -1, 1), strict=True)):
        slopes = np.diff(thumbnail.mean(axis=1 - axis)) * sign
        assert (slopes >= 0).all(), f"light map {number}"
        assert slopes.sum() > 150, f"light map {number}"
    assert (sheet[top + 2 * step :] < 128).any(), "the note"

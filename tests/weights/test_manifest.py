from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lib_iclight.weights import Kind, read_catalogue
from lib_iclight.weights.manifest import (
    MANIFEST,
    FileState,
    UnknownFileError,
    find_entry,
    find_whole,
    is_whole,
    manifest,
    part_of,
    read_manifest,
    state_of,
)

from .conftest import manifest_file

ROOT = Path(__file__).parents[2]

IC_LIGHT = {
    "iclight_sd15_fc.safetensors": Kind.FOREGROUND,
    "iclight_sd15_fcon.safetensors": Kind.FOREGROUND,
    "iclight_sd15_fbc.safetensors": Kind.BACKGROUND,
}


def written() -> dict[str, Any]:
    return json.loads(MANIFEST.read_text(encoding="utf-8"))


def test_every_file_comes_from_its_authors_or_rembgs_release() -> None:
    files = manifest()
    assert {name: file.kind for name, file in files.items() if file.kind} == IC_LIGHT
    for name, file in files.items():
        assert file.url.endswith(f"/{name}")
        place = (
            "huggingface.co/lllyasviel/ic-light/resolve/9cad187869" if name in IC_LIGHT else "github.com/danielgatis/"
        )
        assert file.url.startswith(f"https://{place}")
        assert (file.licence == "MIT") == name.startswith("BiRefNet"), (
            "its sources say so, and Apache-2.0 of the others"
        )
    assert len({file.sha256 for file in files.values()}) == len(files)


@pytest.mark.parametrize("place", ["lib_iclight", "."])
def test_it_is_found_in_a_wheel_and_in_the_repository(tmp_path: Path, place: str) -> None:
    """A wheel has it in the package, which comes first: what lies beside packages is anybody's."""
    shutil.copytree(
        ROOT / "lib_iclight", tmp_path / "lib_iclight", ignore=shutil.ignore_patterns("__pycache__", "*.json")
    )
    (entry,) = [each for each in written()["files"] if each["name"] == "u2netp.onnx"]
    if place != ".":
        (tmp_path / "models_manifest.json").write_text("somebody else's", encoding="utf-8")
    (tmp_path / place / "models_manifest.json").write_text(json.dumps({"files": [entry]}), encoding="utf-8")
    says = "from lib_iclight.weights.manifest import manifest; print(*manifest())"
    done = subprocess.run(
        [sys.executable, "-c", says], cwd=tmp_path, capture_output=True, encoding="utf-8", check=False
    )
    assert done.stdout == "u2netp.onnx\n", done.stderr


def test_sizes_are_those_of_the_tensors() -> None:
    """fbc's first convolution has four channels more: 320 × 4 × 3 × 3 numbers of two bytes."""
    fc, fcon, fbc = (find_entry(name).size for name in IC_LIGHT)
    assert fbc - fc == 320 * 4 * 3 * 3 * 2
    assert fcon == fc


def test_nothing_for_non_commercial_use_only() -> None:
    assert {file.licence for file in manifest().values()} == {"Apache-2.0", "MIT"}
    assert not any("bria" in file.name.lower() or "rmbg" in file.name.lower() for file in manifest().values())


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "../evil.onnx"),
        ("name", "folder/evil.onnx"),
        ("name", "folder\\evil.onnx"),
        ("name", "C:evil.onnx"),
        ("name", ".onnx"),
        ("name", "evil.onnx\n"),
        ("name", "evil.ckpt"),
        ("url", "http://huggingface.co/file"),
        ("url", "file:///etc/passwd"),
        ("url", "https://huggingface.co/a b"),
        ("size", 0),
        ("size", None),
        ("sha256", "A" * 64),
        ("sha256", "a" * 63),
        ("sha256_sources", 0),
        ("licence", ""),
        ("kind", None),
        ("kind", "background"),
        ("unknown", 1),
    ],
)
def test_a_manifest_with_a_fault_is_refused(field: str, value: object) -> None:
    values = written()
    read_manifest(json.dumps(values))
    values["files"][1][field] = value
    with pytest.raises(ValueError, match=field):
        read_manifest(json.dumps(values))


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"files": {}}', '{"files": null}', '{"files": [1]}', '{"files": [], "more": 1}', "{"]
)
def test_what_is_no_manifest_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        read_manifest(text)


def test_a_matting_model_has_no_kind() -> None:
    values = written()
    values["files"][-1]["kind"] = "foreground"
    with pytest.raises(ValueError, match="kind"):
        read_manifest(json.dumps(values))


def test_two_files_of_one_name_are_refused() -> None:
    values = written()
    values["files"].append({**values["files"][-1], "name": "U2netp.onnx"})
    with pytest.raises(ValueError, match="two files have one name"):
        read_manifest(json.dumps(values))


def test_an_unknown_name_is_not_found() -> None:
    with pytest.raises(UnknownFileError, match=r"did you mean isnet-anime\.onnx\?"):
        find_entry("isnet_anime.onnx")
    with pytest.raises(UnknownFileError, match=r"it has iclight_sd15_fc\.safetensors, "):
        find_entry("../" * 1000)


def test_states_by_size(tmp_path: Path) -> None:
    file = manifest_file("model.onnx", b"right")
    assert state_of(file, read_catalogue([tmp_path / "no folder"])) is FileState.MISSING
    part_of(file, tmp_path).write_bytes(b"ri")
    assert state_of(file, read_catalogue([tmp_path])) is FileState.PARTIAL
    (tmp_path / "model.onnx").write_bytes(b"righ")
    assert state_of(file, read_catalogue([tmp_path])) is FileState.OTHER, "nobody knows what is in it"
    (tmp_path / "model.onnx").write_bytes(b"right")
    assert state_of(file, read_catalogue([tmp_path])) is FileState.THERE


def test_a_file_of_the_right_size_is_there_wherever_it_lies(tmp_path: Path) -> None:
    file = manifest_file("model.onnx", b"right")
    own, other = tmp_path / "own", tmp_path / "other"
    (other / "below").mkdir(parents=True)
    own.mkdir()
    (own / "model.onnx").write_bytes(b"wrong size")
    (other / "model.onnx").write_bytes(b"wrong size too")
    assert state_of(file, read_catalogue([own, other])) is FileState.OTHER
    (other / "below" / "model.onnx").write_bytes(b"right")
    assert state_of(file, read_catalogue([own, other])) is FileState.THERE
    assert find_whole(file, read_catalogue([own, other])) == other / "below" / "model.onnx"


def test_somebodys_own_model_is_told_from_a_damaged_one(tmp_path: Path, write_offsets: Callable[..., Path]) -> None:
    own = write_offsets("fc.safetensors", names="ldm")
    file = manifest_file(own.name, b"published")
    assert state_of(file, read_catalogue([tmp_path])) is FileState.OTHER
    os.truncate(own, own.stat().st_size - 1)
    assert state_of(file, read_catalogue([tmp_path])) is FileState.DAMAGED


def test_whole_means_every_byte(tmp_path: Path) -> None:
    data = bytes(range(256)) * 10_000
    file = manifest_file("model.onnx", data)
    path = tmp_path / file.name
    assert not is_whole(path, file)
    path.write_bytes(data)
    assert is_whole(path, file)
    path.write_bytes(data[:-1] + b"?")
    assert not is_whole(path, file)
    path.write_bytes(data[:-1])
    assert not is_whole(path, file)

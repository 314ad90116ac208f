from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lib_iclight.weights.manifest import (
    MANIFEST,
    FileState,
    Manifest,
    UnknownFileError,
    find,
    is_whole,
    manifest,
    part_of,
    state_of,
)

from .conftest import manifest_file

IC_LIGHT = [f"iclight_sd15_{kind}.safetensors" for kind in ("fc", "fcon", "fbc")]
MATTING = {
    "BiRefNet-general-epoch_244.onnx": "MIT",
    "BiRefNet-general-bb_swin_v1_tiny-epoch_232.onnx": "MIT",
    "isnet-general-use.onnx": "Apache-2.0",
    "isnet-anime.onnx": "Apache-2.0",
    "u2net.onnx": "Apache-2.0",
    "u2net_human_seg.onnx": "Apache-2.0",
    "u2netp.onnx": "Apache-2.0",
}


def written() -> dict[str, Any]:
    return json.loads(MANIFEST.read_text(encoding="utf-8"))


def test_every_file_says_where_from_and_how_to_know_it() -> None:
    files = manifest()
    assert list(files) == [*IC_LIGHT, *MATTING]
    for name in IC_LIGHT:
        assert files[name].url.startswith("https://huggingface.co/lllyasviel/ic-light/resolve/9cad187869")
    for name, licence in MATTING.items():
        assert files[name].url == f"https://github.com/danielgatis/rembg/releases/download/v0.0.0/{name}"
        assert files[name].licence == licence
    assert all(file.url.endswith(f"/{name}") for name, file in files.items())
    assert len({file.sha256 for file in files.values()}) == len(files)
    assert [file.dict() for file in files.values()] == written()["files"]


def test_sizes_are_those_of_the_tensors() -> None:
    """fbc's first convolution has four channels more: 320 × 4 × 3 × 3 numbers of two bytes."""
    fc, fcon, fbc = (find(name).size for name in IC_LIGHT)
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
        ("unknown", 1),
    ],
)
def test_a_manifest_with_a_fault_is_refused(field: str, value: object) -> None:
    values = written()
    Manifest(**values)
    values["files"][1][field] = value
    with pytest.raises(ValueError, match=field if field != "unknown" else "extra"):
        Manifest(**values)


def test_two_files_of_one_name_are_refused() -> None:
    values = written()
    values["files"].append({**values["files"][-1], "name": "U2netp.onnx"})
    with pytest.raises(ValueError, match="two files have one name"):
        Manifest(**values)


def test_an_unknown_name_is_not_found() -> None:
    with pytest.raises(UnknownFileError, match=r"did you mean isnet-anime\.onnx\?"):
        find("isnet_anime.onnx")
    with pytest.raises(UnknownFileError, match=r"it has iclight_sd15_fc\.safetensors, "):
        find("../" * 1000)


def test_states_by_size(tmp_path: Path) -> None:
    file = manifest_file("model.onnx", b"right")
    assert state_of(file, tmp_path / "no folder") is FileState.MISSING
    part_of(file, tmp_path).write_bytes(b"ri")
    assert state_of(file, tmp_path) is FileState.PARTIAL
    (tmp_path / "model.onnx").write_bytes(b"righ")
    assert state_of(file, tmp_path) is FileState.OTHER, "nobody knows what is in it"
    (tmp_path / "model.onnx").write_bytes(b"right")
    assert state_of(file, tmp_path) is FileState.THERE


def test_somebodys_own_model_is_told_from_a_damaged_one(tmp_path: Path, write_offsets: Callable[..., Path]) -> None:
    own = write_offsets("fc.safetensors", names="ldm")
    file = manifest_file(own.name, b"published")
    assert state_of(file, tmp_path) is FileState.OTHER
    os.truncate(own, own.stat().st_size - 1)
    assert state_of(file, tmp_path) is FileState.DAMAGED


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

"""`python -m lib_iclight.weights`, run from an extensions folder with a small manifest of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from lib_iclight.weights.__main__ import main
from lib_iclight.weights.manifest import ManifestFile, manifest

from .hostile_server import Fault, HostileServer

Serve = Callable[..., tuple[ManifestFile, bytes]]
ROOT = Path(__file__).parents[2]


class Installed:
    """The extension in a Forge's folder."""

    def __init__(self, forge: Path) -> None:
        self.extension = forge / "extensions" / "sd-forge-iclight"
        self.models = forge / "models" / "ic-light"
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "lib_iclight", self.extension / "lib_iclight", ignore=ignored)

    def run(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """In a process as a user's: `arguments` behind `python -m lib_iclight.weights`, with more variables."""
        command = [sys.executable, "-m", "lib_iclight.weights", *arguments]
        environment = os.environ | more
        return subprocess.run(command, cwd=self.extension, capture_output=True, encoding="utf-8", env=environment)


@pytest.fixture
def installed(tmp_path: Path) -> Installed:
    return Installed(tmp_path / "forge with a space é")


def test_fetch_and_verify_in_a_forge(installed: Installed, server: HostileServer, serve: Serve) -> None:
    file, data = serve(Fault("drop", 0.5))
    manifest_file = installed.extension / "models_manifest.json"
    manifest_file.write_text(json.dumps({"files": [asdict(file)]}), encoding="utf-8")
    target = installed.models / file.name

    fetched = installed.run("fetch", file.name)
    assert fetched.returncode == 0, fetched.stderr
    assert fetched.stdout.strip() == str(target)
    assert "model.onnx" in fetched.stderr
    assert "300k/300k" in fetched.stderr
    assert target.read_bytes() == data
    assert server.starts(file.name) == [0, len(data) // 2]

    target.write_bytes(data[:-1] + b"?")
    verified = installed.run("verify")
    assert (verified.returncode, verified.stdout.strip()) == (1, "model.onnx: damaged")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252:strict"])
def test_a_console_that_can_not_show_a_folders_name_stops_nothing(
    installed: Installed, server: HostileServer, serve: Serve, tmp_path: Path, encoding: str
) -> None:
    file, _ = serve()
    (installed.extension / "models_manifest.json").write_text(json.dumps({"files": [asdict(file)]}), encoding="utf-8")
    folder = tmp_path / "光"
    fetched = installed.run("--folder", str(folder), "fetch", file.name, PYTHONIOENCODING=encoding)
    listed = installed.run("--folder", str(folder), "list", PYTHONIOENCODING=encoding)
    assert (fetched.returncode, listed.returncode) == (0, 0), fetched.stderr + listed.stderr
    shown = str(tmp_path / "\\u5149")
    assert fetched.stdout.strip() == f"{shown}{os.sep}{file.name}" and "300k/300k" in fetched.stderr
    assert " there " in listed.stdout and f"in {shown}; sizes" in listed.stdout


def run(folder: Path, *arguments: str) -> int:
    return main(["--folder", str(folder), *arguments])


def test_list_shows_what_lies_in_the_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "u2netp.onnx").write_bytes(b"short")
    (tmp_path / "isnet-anime.onnx.part").write_bytes(b"begun")
    assert run(tmp_path, "list") == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    states = {"u2netp.onnx": "other", "isnet-anime.onnx": "partial", "u2net_human_seg.onnx": "missing"}
    for name, state in states.items():
        assert f" {state} " in lines[name]
        assert manifest()[name].purpose in lines[name]
    assert "1719.1 MB" in lines["iclight_sd15_fc.safetensors"]
    assert "sha256 from 3 sources" in lines["iclight_sd15_fc.safetensors"]
    assert "sha256 from 1 source " in lines["iclight_sd15_fbc.safetensors"]


@pytest.mark.parametrize("command", ["fetch", "verify", "remove"])
def test_an_unknown_name_stops_before_anything_is_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (tmp_path / "u2netp.onnx").write_bytes(b"kept")
    (tmp_path / "notes.txt").write_bytes(b"kept")
    assert run(tmp_path, command, "u2netp.onnx", "notes.txt") == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("IC-Light's manifest has no file 'notes.txt'")
    assert captured.out == ""
    assert {path.read_bytes() for path in tmp_path.iterdir()} == {b"kept"}


def test_verify_tells_missing_and_somebodys_own_from_damaged(
    tmp_path: Path, write_offsets: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "verify") == 2
    assert "nothing to verify" in capsys.readouterr().err
    damaged, other, missing = "iclight_sd15_fbc.safetensors", "iclight_sd15_fc.safetensors", "isnet-anime.onnx"
    (tmp_path / damaged).write_bytes(b"?")
    write_offsets(other, names="ldm")
    assert run(tmp_path, "verify", damaged, other, missing) == 1
    assert capsys.readouterr().out == f"{damaged}: damaged\n{other}: other\n{missing}: missing\n"


def test_remove_takes_the_file_and_its_part_only(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("u2netp.onnx", "u2netp.onnx.part", "isnet-anime.onnx.part", "mine.onnx"):
        (tmp_path / name).write_bytes(b"?")
    assert run(tmp_path, "remove", "u2netp.onnx", "isnet-anime.onnx") == 0
    assert [path.name for path in tmp_path.iterdir()] == ["mine.onnx"]
    assert run(tmp_path, "remove", "u2netp.onnx") == 2
    assert f"There is no u2netp.onnx in {tmp_path}." in capsys.readouterr().err


def test_a_fetch_that_fails_says_one_sentence(
    tmp_path: Path, server: HostileServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, "fetch", "iclight_sd15_fc.safetensors") == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "404" in captured.err
    assert str(tmp_path / "iclight_sd15_fc.safetensors") in captured.err


def test_a_converted_copy_under_the_originals_name_is_kept_until_it_is_renamed(
    tmp_path: Path, server: HostileServer, write_offsets: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    name = "iclight_sd15_fc.safetensors"
    kept = write_offsets(name, names="ldm").read_bytes()
    assert run(tmp_path, "fetch", name) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1 and captured.err.startswith(f"{tmp_path / name} is not the published {name}")
    assert captured.out == "" and server.requests == [] and (tmp_path / name).read_bytes() == kept
    (tmp_path / name).rename(tmp_path / "mine.safetensors")
    assert run(tmp_path, "fetch", name) == 2
    assert "404" in capsys.readouterr().err, "now it is asked for"


def test_convert_renames_and_changes_nothing_else(
    tmp_path: Path,
    write_offsets: Callable[..., Path],
    ldm_by_diffusers: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    source = write_offsets("fc.safetensors")
    target = tmp_path / "fc_ldm.safetensors"
    assert main(["convert", str(source), str(target)]) == 0
    before, after = load_file(source), load_file(target)
    assert set(after) == set(ldm_by_diffusers.values())
    for name, ldm in ldm_by_diffusers.items():
        assert after[ldm].dtype == before[name].dtype
        assert after[ldm].equal(before[name])
    # the format's own rule: the tensors begin at a multiple of eight
    assert int.from_bytes(target.read_bytes()[:8], "little") % 8 == 0
    renamed = sum(name != ldm for name, ldm in ldm_by_diffusers.items())
    assert f"{renamed} tensors renamed" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fc.safetensors", "fc_ldm.safetensors"]


def test_convert_leaves_what_was_fetched_of_its_target(tmp_path: Path, write_offsets: Callable[..., Path]) -> None:
    source, part = write_offsets("fc.safetensors"), tmp_path / "target.safetensors.part"
    part.write_bytes(b"fetched")
    assert main(["convert", str(source), str(part.with_suffix(""))]) == 0
    assert part.read_bytes() == b"fetched"


@pytest.mark.parametrize(
    ("prepared", "said"),
    [
        ("exists", r"exists: remove it first"),
        ("ldm", r"has ldm names already"),
        ("ending", r"must end in \.safetensors"),
        ("no model", r"is not a safetensors file"),
        ("missing", r"can't be read|not a safetensors file"),
        ("no folder", r"can't be written"),
    ],
)
def test_convert_refuses(
    tmp_path: Path,
    write_offsets: Callable[..., Path],
    capsys: pytest.CaptureFixture[str],
    prepared: str,
    said: str,
) -> None:
    source = write_offsets("fc.safetensors", names="ldm" if prepared == "ldm" else "diffusers")
    target = tmp_path / {"ending": "fc.ckpt", "no folder": "no/fc.safetensors"}.get(prepared, "ldm.safetensors")
    if prepared == "exists":
        target.write_bytes(b"mine")
    if prepared == "no model":
        source.write_bytes(b"?" * 100)
    if prepared == "missing":
        source.unlink()
    kept: dict[Path, Any] = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert main(["convert", str(source), str(target)]) == 2
    error = capsys.readouterr().err
    assert re.search(said, error)
    assert error.count("\n") == 1
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == kept

"""What is found in folders, and what finding it costs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from lib_iclight.errors import ICLightError
from lib_iclight.weights import (
    Catalogue,
    Kind,
    damaged_models,
    describe_missing_folders,
    find_file,
    find_model,
    known_models,
    read_catalogue,
)
from lib_iclight.weights.catalogue import ListedFile, Signature
from tests.conftest import FIRST_CONVOLUTION, random_offsets

ROOT = Path(__file__).parents[2]

Write = Callable[..., Path]

needs_links = pytest.mark.skipif(os.name == "nt", reason="on Windows links need a right that few have")


def paths(*folders: Path) -> list[str]:
    """What is listed, by the place in the first folder's parent."""
    return [file.path.relative_to(folders[0].parent).as_posix() for file in read_catalogue(folders).files]


def put(folder: Path, *names: str) -> None:
    """Write files with nothing of use in them."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")


# ------------------------------------------------------------------------------------------------ what is found


def test_files_are_listed_by_folder_height_and_name(tmp_path: Path) -> None:
    put(tmp_path / "own", "b.safetensors", "a.SAFETENSORS", "c.ckpt", "x/a.onnx", "a/z.onnx", "a/b/c.onnx")
    put(tmp_path / "unet", "a.gguf")
    (tmp_path / "own" / "folder.safetensors").mkdir()
    assert paths(tmp_path / "own", tmp_path / "unet") == [
        "own/a.SAFETENSORS",
        "own/b.safetensors",
        "own/c.ckpt",
        "own/a/z.onnx",
        "own/x/a.onnx",
        "own/a/b/c.onnx",
        "unet/a.gguf",
    ]
    listed = read_catalogue([tmp_path / "own", tmp_path / "unet"]).files
    assert [file.name for file in listed if file.is_safetensors] == ["a.SAFETENSORS", "b.safetensors"]
    assert [file.is_own for file in listed] == [True] * 6 + [False]
    assert all(file.signature == Signature.of(file.path) for file in listed)


def test_a_folder_named_twice_is_as_one(write_offsets: Write, tmp_path: Path) -> None:
    path = write_offsets()
    assert [file.path for file in read_catalogue([tmp_path, tmp_path]).files] == [path]


@given(st.lists(st.lists(st.sampled_from(["a", "B", "é 光", ".hidden"]), min_size=1, max_size=6), max_size=8))
def test_whatever_lies_up_to_three_levels_down_is_found_once(
    tmp_path_factory: pytest.TempPathFactory, places: list[list[str]]
) -> None:
    root = tmp_path_factory.mktemp("tree")
    for place in places:
        folder = root.joinpath(*(f"{name}-folder" for name in place[:-1]))
        put(folder, f"{place[-1]}-file")
    wanted = {
        path
        for path in root.rglob("*-file")
        if len(path.relative_to(root).parts) <= 4
        and not any(part.startswith(".") for part in path.relative_to(root).parts[:-1])
    }
    found = [file.path for file in read_catalogue([root]).files]
    assert set(found) == wanted and len(found) == len(wanted)


@needs_links
def test_links_are_followed_and_lead_in_no_circle(tmp_path: Path) -> None:
    own, elsewhere = tmp_path / "own", tmp_path / "elsewhere"
    put(own, "fc.safetensors")
    put(elsewhere, "linked.safetensors", "below/deep.safetensors")
    (own / "again").symlink_to(own)
    (own / "mine").symlink_to(elsewhere)
    (own / "mine too").symlink_to(elsewhere)
    (elsewhere / "below" / "up").symlink_to(tmp_path)
    (own / "a link.safetensors").symlink_to(elsewhere / "linked.safetensors")
    (own / "nowhere.safetensors").symlink_to(tmp_path / "gone")
    assert paths(own) == [
        "own/a link.safetensors",
        "own/fc.safetensors",
        "own/mine/linked.safetensors",
        "own/mine/below/deep.safetensors",
    ]


def test_a_folder_within_another_keeps_its_own_place(tmp_path: Path) -> None:
    put(tmp_path / "models", "a.onnx", "unet/b.onnx", "ic-light/c.onnx")
    models, unet, own = (tmp_path / name for name in ("models", "models/unet", "models/ic-light"))
    assert [file.name for file in read_catalogue([own, unet, models]).files] == ["c.onnx", "b.onnx", "a.onnx"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every name is text")
def test_a_name_that_is_no_text_is_left_out(tmp_path: Path, write_offsets: Write) -> None:
    path = write_offsets()
    os.link(path, os.fsencode(tmp_path) + b"/b\xff.safetensors")
    (tmp_path / "line\nbreak.safetensors").write_bytes(b"x")
    assert [file.name for file in read_catalogue([tmp_path]).files] == ["fc.safetensors", "line\nbreak.safetensors"]


def test_models_in_subfolders_are_found_by_their_names(write_offsets: Write, tmp_path: Path) -> None:
    own, unet = tmp_path / "ic-light", tmp_path / "unet"
    for folder in (own / "old", unet / "IC-Light" / "v1"):
        folder.mkdir(parents=True)
    fc = write_offsets("unet/IC-Light/iclight_sd15_fc.safetensors")
    fbc = write_offsets("unet/IC-Light/v1/fbc.safetensors", channels=12)
    (own / "old" / "broken.safetensors").write_bytes(b"x")
    (unet / "IC-Light" / "broken.safetensors").write_bytes(b"x")
    catalogue = read_catalogue([own, unet])
    assert known_models(catalogue) == {fc: Kind.FOREGROUND, fbc: Kind.BACKGROUND}
    assert find_model(catalogue, None) == find_model(catalogue, "iclight_sd15_fc") == fc
    assert find_model(catalogue, "fbc.safetensors") == find_file(catalogue, "fbc.safetensors") == fbc
    assert list(damaged_models(catalogue)) == [own / "old" / "broken.safetensors"]
    for name in ("IC-Light/iclight_sd15_fc.safetensors", "v1/fbc.safetensors"):
        with pytest.raises(ICLightError, match="There is no IC-Light model"):
            find_model(catalogue, name)


def test_of_one_name_the_first_counts_that_is_a_model(write_offsets: Write, tmp_path: Path) -> None:
    """Many models are called `diffusion_pytorch_model.safetensors`, each in a folder of its own."""
    own, unet = tmp_path / "ic-light", tmp_path / "unet"
    for folder in (own, unet / "a", unet / "b", unet / "c"):
        folder.mkdir(parents=True)
    save_file({"double_blocks.0.x": random_offsets()[FIRST_CONVOLUTION["diffusers"]]}, unet / "a" / "m.safetensors")
    first, second = write_offsets("unet/b/m.safetensors"), write_offsets("unet/c/m.safetensors", channels=12)
    catalogue = read_catalogue([own, unet])
    assert known_models(catalogue) == {first: Kind.FOREGROUND} and find_model(catalogue, "m") == first
    first.unlink()
    catalogue = read_catalogue([own, unet])
    assert known_models(catalogue) == {second: Kind.BACKGROUND} and find_model(catalogue, "m") == second
    # in IC-Light's own folder a broken file hides no other, it is named
    (own / "m.safetensors").write_bytes(b"x")
    catalogue = read_catalogue([own, unet])
    assert known_models(catalogue) == {} and find_model(catalogue, "m") == own / "m.safetensors"
    assert list(damaged_models(catalogue)) == [own / "m.safetensors"]


# ------------------------------------------------------------------------------------------------ what is not there


def test_a_folder_that_is_not_there_is_said(write_offsets: Write, tmp_path: Path) -> None:
    write_offsets()
    (tmp_path / "file").write_bytes(b"x")
    mistyped, file = tmp_path / "moddels", tmp_path / "file"
    catalogue = read_catalogue([tmp_path, mistyped, file])
    with pytest.raises(ICLightError) as refused:
        find_model(catalogue, "nope")
    assert str(refused.value) == (
        f"There is no IC-Light model 'nope' in {tmp_path} or {mistyped} (which is not there) or {file} (which is not "
        "there). There is: fc.safetensors."
    )
    assert describe_missing_folders(catalogue, []) == describe_missing_folders(catalogue, [tmp_path]) == ""
    assert describe_missing_folders(catalogue, [tmp_path, mistyped]) == (
        f"{mistyped}, set in Settings → IC Light, is not there: correct the setting."
    )
    assert f"{mistyped} and {file}, set in" in describe_missing_folders(catalogue, [mistyped, file])


# ------------------------------------------------------------------------------------------------ what it costs


def test_a_header_is_not_read_again_where_listings_tell_no_inode(write_offsets: Write, tmp_path: Path) -> None:
    """As on Windows: what was read by a listing's word is known by the file's own, and the other way round."""
    path = write_offsets()

    def without_inode() -> Catalogue:
        status = path.stat()
        signature = Signature(status.st_size, status.st_mtime_ns, 0)
        return Catalogue((tmp_path,), (ListedFile(path.name, path, signature, True),), ())

    assert known_models(without_inode()) == {path: Kind.FOREGROUND}
    status = path.stat()
    with path.open("r+b") as file:
        file.write(bytes(status.st_size))
    os.utime(path, ns=(0, status.st_mtime_ns))
    assert known_models(read_catalogue([tmp_path])) == known_models(without_inode()) == {path: Kind.FOREGROUND}
    os.utime(path, ns=(0, status.st_mtime_ns + 1))
    assert known_models(without_inode()) == {}


@pytest.fixture
def thousand(tmp_path: Path) -> Path:
    """A folder of a thousand models, one of them IC-Light's."""
    folder = tmp_path / "unet"
    folder.mkdir()
    save_file({"double_blocks.0.x": random_offsets()["conv_out.bias"]}, folder / "0.safetensors")
    for number in range(1, 999):
        shutil.copy(folder / "0.safetensors", folder / f"{number}.safetensors")
    save_file(random_offsets(), folder / "fc.safetensors")
    return folder


def test_four_panels_list_a_folder_once_each_and_open_its_files_once(
    thousand: Path, figure: Callable[[str, float], float]
) -> None:
    """What Python itself lists and opens, and where there is strace, what the system is asked."""
    command = [sys.executable, "-m", "tests.weights.listing_process", str(thousand.with_name("own")), str(thousand)]
    trace = thousand.with_name("trace")
    if shutil.which("strace"):
        calls = "stat,lstat,newfstatat,statx,openat"
        command = ["strace", "-f", "-qq", "-s", "512", "-e", f"trace={calls}", "-o", str(trace), *command]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    first, *others = json.loads(done.stdout)
    # a header is looked at, and that of an IC-Light model read by safetensors, which Python doesn't see
    assert first == {"os.scandir": 1, "open": 1000}
    assert others == [{"os.scandir": 1}] * 3
    if trace.exists():
        asked = [line for line in trace.read_text().splitlines() if f'"{thousand}/' in line]
        opened = [line for line in asked if "openat(" in line]
        assert len(asked) - len(opened) == figure("stat calls for a thousand files and four panels", 4000)
        assert 1000 < len(opened) <= 1003, "safetensors opens the one model anew, some versions twice"

from __future__ import annotations

import gc
import json
import os
import pickle
import re
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save, save_file

from lib_iclight.errors import ICLightError
from lib_iclight.weights import (
    Kind,
    Offsets,
    damaged_models,
    find_file,
    find_model,
    kind_of,
    known_models,
    load_offsets,
    read_catalogue,
    release,
)
from tests.conftest import FIRST_CONVOLUTION, random_offsets

Write = Callable[..., Path]

linux = pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="what is mapped is read from /proc")


@pytest.fixture(autouse=True)
def let_go(tmp_path: Path) -> Iterator[None]:
    """What a test left open is no other test's business."""
    yield
    for path in tmp_path.rglob("*"):
        release(path)


def mapped(path: Path) -> bool:
    gc.collect()
    return str(path) in Path("/proc/self/maps").read_text()


def descriptors() -> list[str]:
    opened = []
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            opened.append(str(descriptor.readlink()))
        except OSError:  # the listing's own
            continue
    return sorted(opened)


def refusal(path: Path, open_it: Callable[[Path], Any] = Offsets) -> str:
    with pytest.raises(ICLightError) as caught:
        open_it(path)
    assert path.name in str(caught.value)
    return str(caught.value)


# ------------------------------------------------------------------------------------------------ what is in a file


@pytest.mark.parametrize(("channels", "kind"), [(8, Kind.FOREGROUND), (12, Kind.BACKGROUND)])
@pytest.mark.parametrize("names", ["diffusers", "ldm"])
def test_kinds_are_told_from_the_first_convolution(write_offsets: Write, names: str, channels: int, kind: Kind) -> None:
    path = write_offsets("any name.safetensors", names=names, channels=channels)
    assert kind_of(path) is kind
    assert load_offsets(path).kind is kind


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model.", "diffusion_model.", "unet."])
@pytest.mark.parametrize("names", ["diffusers", "ldm"])
def test_differences_are_found_under_ldms_names(
    write_offsets: Write, tiny_shapes: dict, ldm_by_diffusers: dict, names: str, prefix: str
) -> None:
    path = write_offsets(names=names, change=lambda tensors: {prefix + name: t for name, t in tensors.items()})
    offsets = Offsets(path)
    first = "input_blocks.0.0.weight"
    assert offsets.shapes == {**tiny_shapes, first: (tiny_shapes[first][0], 8, 3, 3)}
    for name, written in random_offsets(names=names).items():
        read = offsets.tensors[ldm_by_diffusers.get(name, name)]
        assert read.dtype == torch.float16 and torch.equal(read, written)


def test_patches_are_as_every_host_takes_them(write_offsets: Write) -> None:
    offsets = Offsets(write_offsets())
    patches = offsets.patches()
    assert len(patches) == 686
    for name, tensor in offsets.tensors.items():
        form, (difference, options) = patches["diffusion_model." + name]
        assert form == "diff" and options == {"pad_weight": True}
        assert difference.data_ptr() == tensor.data_ptr(), "the file's own bytes, not a copy"


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_differences_are_kept_in_the_files_precision(write_offsets: Write, dtype: torch.dtype) -> None:
    path = write_offsets(change=lambda tensors: {name: tensor.to(dtype) for name, tensor in tensors.items()})
    assert {tensor.dtype for tensor in Offsets(path).tensors.values()} == {dtype}


# ------------------------------------------------------------------------------------------------ what is refused


@pytest.mark.parametrize("share", [0.001, 0.5, 0.999])
@pytest.mark.parametrize("open_it", [Offsets, kind_of])
def test_files_that_are_cut_short(write_offsets: Write, share: float, open_it: Callable) -> None:
    path = write_offsets()
    os.truncate(path, int(path.stat().st_size * share))
    said = "cut short" if share > 0.1 else "damaged at its start"  # where the list of the tensors is
    assert said in refusal(path, open_it)


@pytest.mark.parametrize("open_it", [Offsets, kind_of])
def test_files_that_are_too_long(write_offsets: Write, open_it: Callable) -> None:
    path = write_offsets()
    path.write_bytes(path.read_bytes() + b"more")
    assert "padded" in refusal(path, open_it)


def header(text: bytes, length: int | None = None) -> bytes:
    return struct.pack("<Q", len(text) if length is None else length) + text


GARBAGE = {
    "empty": b"",
    "four bytes": b"\0\0\0\1",
    "zeros": bytes(4096),
    "a web page": b"<!DOCTYPE html><html>rate limit exceeded</html>" * 20,
    "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:a\nsize 1719148312\n",
    "a header of 16 EB": header(b"{}", 2**63),
    "a header of 200 MB": header(b"{}", 200_000_000),
    "no JSON": header(b"nonsense"),
    "no UTF-8": header(b'{"\xff\xfe": 1}'),
    "a list": header(b"[1, 2]"),
    "no offsets": header(b'{"a": {"dtype": "F16", "shape": [1]}}') + b"\0\0",
    "beyond the end": header(b'{"a": {"dtype": "F16", "shape": [9], "data_offsets": [0, 18]}}') + b"\0\0",
    "backwards": header(b'{"a": {"dtype": "F16", "shape": [1], "data_offsets": [2, 0]}}') + b"\0\0",
    "a dtype of its own": header(b'{"a": {"dtype": "Q4", "shape": [1], "data_offsets": [0, 2]}}') + b"\0\0",
    "deep": header(b'{"a": ' * 5000 + b"1" + b"}" * 5000),
}


@pytest.mark.parametrize("what", GARBAGE)
@pytest.mark.parametrize("open_it", [Offsets, kind_of])
def test_files_that_are_something_else(tmp_path: Path, what: str, open_it: Callable) -> None:
    path = tmp_path / "fc.safetensors"
    path.write_bytes(GARBAGE[what])
    assert len(refusal(path, open_it)) < 400


@pytest.mark.parametrize("open_it", [Offsets, kind_of, load_offsets])
def test_files_that_are_not_there(tmp_path: Path, open_it: Callable) -> None:
    assert "can't be read" in refusal(tmp_path / "gone.safetensors", open_it)


@pytest.mark.parametrize("open_it", [Offsets, kind_of, load_offsets])
def test_a_folder_is_no_file(tmp_path: Path, open_it: Callable) -> None:
    (tmp_path / "fc.safetensors").mkdir()
    refusal(tmp_path / "fc.safetensors", open_it)


class Touches:
    """What a pickle can do: run anything."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self._path),)


@pytest.mark.parametrize("suffix", [".safetensors", ".ckpt", ".pt", ".pth", ".bin", ".pkl", ".CKPT"])
@pytest.mark.parametrize("write", [pickle.dump, torch.save], ids=["pickle", "torch"])
@pytest.mark.parametrize("open_it", [Offsets, kind_of])
def test_pickles_are_never_opened(tmp_path: Path, suffix: str, write: Callable, open_it: Callable) -> None:
    path = tmp_path / f"fc{suffix}"
    with path.open("wb") as file:
        write(Touches(tmp_path / "ran"), file)
    sentence = refusal(path, open_it)
    assert "safetensors" in sentence
    assert suffix == ".safetensors" or "pickled" in sentence
    assert not (tmp_path / "ran").exists()


def named(*names: str, shape: tuple[int, ...] = (2, 2)) -> dict[str, torch.Tensor]:
    return {name: torch.zeros(shape) for name in names}


OTHERS = {
    "a LoRA": named("lora_unet_down_blocks_0_attentions_0_proj_in.lora_down.weight", "lora_te_x.alpha"),
    "a LoRA ": named("unet.down_blocks.0.attentions.0.proj_in.lora_A.weight"),
    "a whole checkpoint": named(
        "model.diffusion_model.input_blocks.0.0.weight",
        "first_stage_model.decoder.conv_in.weight",
        "cond_stage_model.a",
    ),
    "made for Flux": named("double_blocks.0.img_attn.qkv.weight", "img_in.weight"),
    "made for SDXL": named("model.diffusion_model.label_emb.0.0.weight", "model.diffusion_model.out.2.bias"),
    "made for SDXL ": named("add_embedding.linear_1.weight", "conv_in.weight"),
    "a ControlNet": named("control_model.input_hint_block.0.weight", "control_model.input_blocks.0.0.weight"),
    "a ControlNet ": named("controlnet_cond_embedding.conv_in.weight", "conv_in.weight"),
    "a VAE": named("encoder.conv_in.weight", "decoder.conv_in.weight"),
    "no input_blocks.0.0.weight": named("a", "b"),
    "no input_blocks.0.0.weight ": {},
}


HOSTILE_TEXT = "<img src=x onerror=alert(1)>\n[a](javascript:b)\x1b[2J\u202e" * 2000

HOSTILE_HEADERS: dict[str, dict[str, Any]] = {
    "a name": {HOSTILE_TEXT: {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}, "a": HOSTILE_TEXT},
    "a dtype": {"a": {"dtype": HOSTILE_TEXT, "shape": [1], "data_offsets": [0, 2]}},
    "a shape": {"conv_in.weight": {"dtype": "F16", "shape": [1] * 9999, "data_offsets": [0, 2]}},
    "whole numbers": {HOSTILE_TEXT: {"dtype": "I16", "shape": [1], "data_offsets": [0, 2]}},
}


@pytest.mark.parametrize("what", HOSTILE_HEADERS)
@pytest.mark.parametrize("open_it", [Offsets, kind_of])
def test_what_a_hostile_header_holds_fills_no_page(tmp_path: Path, what: str, open_it: Callable) -> None:
    path = tmp_path / "fc.safetensors"
    path.write_bytes(header(json.dumps(HOSTILE_HEADERS[what]).encode()) + bytes(2))
    sentence = refusal(path, open_it)
    assert len(sentence) < 400 and sentence.isprintable()


@pytest.mark.parametrize("what", OTHERS)
@pytest.mark.parametrize("open_it", [Offsets, kind_of])
def test_other_files_are_told_by_their_tensors(tmp_path: Path, what: str, open_it: Callable) -> None:
    path = tmp_path / "x.safetensors"
    save_file(OTHERS[what], path)
    assert "no IC-Light model" in refusal(path, open_it)
    if "LoRA " not in what:
        assert what.strip() in refusal(path, open_it)


@pytest.mark.parametrize("names", ["diffusers", "ldm"])
@pytest.mark.parametrize("channels", [1, 4, 5, 9, 16])
@pytest.mark.parametrize("open_it", [Offsets, kind_of])
def test_other_numbers_of_channels(write_offsets: Write, names: str, channels: int, open_it: Callable) -> None:
    sentence = refusal(write_offsets(names=names, channels=channels), open_it)
    assert f"[8, {channels}, 3, 3]" in sentence and "8 or 12" in sentence


@pytest.mark.parametrize("shape", [(), (8,), (8, 8), (8, 8, 3), (8, 8, 3, 3, 3)])
def test_a_first_convolution_of_another_dimension(write_offsets: Write, shape: tuple[int, ...]) -> None:
    path = write_offsets(change=lambda tensors: {**tensors, FIRST_CONVOLUTION["diffusers"]: torch.zeros(shape)})
    assert str(list(shape)) in refusal(path)
    refusal(path, kind_of)


@pytest.mark.parametrize("dtype", [torch.int8, torch.int64, torch.bool, torch.uint8])
def test_whole_numbers_are_no_differences(write_offsets: Write, dtype: torch.dtype) -> None:
    path = write_offsets(change=lambda tensors: {**tensors, "conv_out.bias": torch.zeros(4, dtype=dtype)})
    assert "conv_out.bias" in refusal(path)


def test_two_tensors_for_one_place(write_offsets: Write) -> None:
    path = write_offsets(change=lambda tensors: {**tensors, "out.2.bias": torch.zeros(4)})
    assert "two tensors for one place" in refusal(path)


# ------------------------------------------------------------------------------------------------ mapped, let go


@linux
def test_a_file_is_mapped_and_not_read(write_offsets: Write) -> None:
    path = write_offsets()
    before = descriptors()
    offsets = load_offsets(path)
    assert mapped(path)
    assert descriptors() == before, "no file is left open beside the mapping"
    patches = offsets.patches()  # as a host's clone keeps them
    release(path)
    assert not mapped(path), "released, whoever still holds the patches"
    assert patches


@linux
def test_asking_for_the_kind_keeps_nothing(write_offsets: Write) -> None:
    path = write_offsets()
    before = descriptors()
    assert kind_of(path) is Kind.FOREGROUND
    assert not mapped(path) and descriptors() == before


@linux
@pytest.mark.parametrize("open_it", [Offsets, kind_of])
def test_what_is_refused_is_let_go(write_offsets: Write, open_it: Callable) -> None:
    path = write_offsets(channels=9)
    before = descriptors()
    with pytest.raises(ICLightError):
        open_it(path)
    assert not mapped(path) and descriptors() == before


@linux
def test_a_second_load_opens_nothing(write_offsets: Write) -> None:
    path = write_offsets()
    first = load_offsets(path)
    moved = path.with_suffix(".moved")
    path.rename(moved)
    try:
        moved.chmod(0)
        moved.rename(path)
        before = descriptors()
        assert load_offsets(path) is first and kind_of(path) is first.kind
        assert descriptors() == before
    finally:
        path.chmod(0o600)


@linux
@pytest.mark.long
def test_only_the_last_files_are_kept_open(write_offsets: Write) -> None:
    paths = [write_offsets(f"{number}.safetensors", seed=number) for number in range(6)]
    first = load_offsets(paths[0])
    for path in paths:
        load_offsets(path)
        assert load_offsets(paths[0]) is first, "what is used stays"
    assert [path.stem for path in paths if mapped(path)] == ["0", "3", "4", "5"]


def test_a_released_file_is_opened_anew(write_offsets: Write) -> None:
    path = write_offsets()
    first = load_offsets(path)
    release(path)
    release(path)
    again = load_offsets(path)
    assert again is not first and again.merge_name == first.merge_name
    assert len(again.tensors) == 686


def test_releasing_what_was_never_open(tmp_path: Path) -> None:
    release(tmp_path / "none.safetensors")


def test_long_and_foreign_names(write_offsets: Write) -> None:
    path = write_offsets("Ünïcode 光 " + "x" * 150 + ".safetensors")
    assert kind_of(path) is Kind.FOREGROUND and len(load_offsets(path).tensors) == 686
    assert find_model(read_catalogue([path.parent]), path.name) == path


# ------------------------------------------------------------------------------------------------ files that change


def test_the_merges_name_is_the_same_for_the_same_file(write_offsets: Write) -> None:
    path = write_offsets()
    name = Offsets(path).merge_name
    assert Offsets(path).merge_name == name
    os.utime(path, ns=(1, path.stat().st_mtime_ns))  # read, not written
    assert Offsets(path).merge_name == name


def rewritten(path: Path) -> None:
    """Other differences of the same size in the same file."""
    modified = path.stat().st_mtime_ns
    path.write_bytes(save(random_offsets(seed=1)))
    os.utime(path, ns=(0, max(path.stat().st_mtime_ns, modified + 1)))  # clocks can be coarser than this test is long


def replaced(path: Path) -> None:
    """Other differences under the same name, with the time stamp of the old ones, as some programs copy."""
    other = path.with_suffix(".new")
    other.write_bytes(save(random_offsets(seed=1)))
    os.utime(other, ns=(0, path.stat().st_mtime_ns))
    other.replace(path)


def lengthened(path: Path) -> None:
    """The same time stamp and inode, another size."""
    modified = path.stat().st_mtime_ns
    path.write_bytes(save(random_offsets(seed=1), metadata={"a": "b"}))
    os.utime(path, ns=(0, modified))


@pytest.mark.parametrize("change", [replaced, lengthened, rewritten])
def test_a_changed_file_is_opened_anew_under_another_name(write_offsets: Write, change: Callable) -> None:
    path = write_offsets()
    before = load_offsets(path)
    name = before.merge_name
    before.check_unchanged()
    change(path)
    with pytest.raises(ICLightError, match=r"fc\.safetensors has changed while it was in use"):
        before.check_unchanged()
    after = load_offsets(path)
    assert after is not before and after.merge_name != name
    after.check_unchanged()
    assert torch.equal(after.tensors["out.2.bias"], random_offsets(seed=1)["conv_out.bias"])


def test_a_changed_file_may_be_of_another_kind(write_offsets: Write) -> None:
    path = write_offsets()
    assert kind_of(path) is Kind.FOREGROUND
    write_offsets("other.safetensors", channels=12).replace(path)
    assert kind_of(path) is Kind.BACKGROUND


def test_a_file_that_was_cut_is_not_touched(write_offsets: Write) -> None:
    path = write_offsets()
    offsets = load_offsets(path)
    os.truncate(path, path.stat().st_size // 2)  # reading its tensors now would kill the process
    with pytest.raises(ICLightError, match="has changed"):
        offsets.check_unchanged()
    with pytest.raises(ICLightError, match="cut short"):
        load_offsets(path)


def test_a_file_that_is_gone(write_offsets: Write) -> None:
    path = write_offsets()
    offsets = load_offsets(path)
    path.unlink()
    for use in (offsets.check_unchanged, lambda: load_offsets(path), lambda: kind_of(path)):
        with pytest.raises(ICLightError, match=r"fc\.safetensors can't be read"):
            use()


def test_two_files_have_two_names(write_offsets: Write) -> None:
    path = write_offsets()
    other = path.with_name("copy.safetensors")
    os.link(path, other)
    assert Offsets(path).merge_name != Offsets(other).merge_name


# ------------------------------------------------------------------------------------------------ found in a folder


def test_a_folder_may_be_missing_or_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "missing", tmp_path / "file"):
        with pytest.raises(
            ICLightError, match=r"iclight_sd15_fc\.safetensors.*https://huggingface.co/lllyasviel/ic-light"
        ) as caught:
            find_model(read_catalogue([folder]), None)
        assert f"in {folder} (which is not there): put" in str(caught.value)
        assert f"into {folder}, from" in str(caught.value)
        assert known_models(read_catalogue([folder])) == damaged_models(read_catalogue([folder])) == {}
        assert find_file(read_catalogue([folder]), "file") is None


@pytest.mark.parametrize("name", ["fc.safetensors", "fc"])
def test_a_model_is_found_with_and_without_its_suffix(write_offsets: Write, name: str) -> None:
    path = write_offsets("fc.safetensors")
    write_offsets("fcon.safetensors")
    assert find_model(read_catalogue([path.parent]), name) == path


def test_a_model_with_dots_in_its_name_is_found(write_offsets: Write) -> None:
    path = write_offsets("fc v1.5.safetensors")
    assert find_model(read_catalogue([path.parent]), path.name) == path
    assert find_model(read_catalogue([path.parent]), "fc v1.5") == path


@pytest.mark.parametrize("name", ["f", "fco", "con", "FCON", "safetensors"])
def test_a_part_of_a_name_is_none(write_offsets: Write, name: str) -> None:
    folder = write_offsets("fcon.safetensors").parent
    with pytest.raises(ICLightError, match=r"There is: fcon\.safetensors"):
        find_model(read_catalogue([folder]), name)


def test_no_name_takes_the_first_that_sees_only_the_subject(write_offsets: Write, tmp_path: Path) -> None:
    (tmp_path / "a broken.safetensors").write_bytes(b"x")
    write_offsets("b.safetensors", channels=12)
    with pytest.raises(ICLightError) as caught:
        find_model(read_catalogue([tmp_path]), None)
    sentence = str(caught.value)
    assert f"no IC-Light model for subjects without a background in {tmp_path}" in sentence
    assert "(there is b.safetensors: name it as model)" in sentence
    assert "a broken.safetensors is not a safetensors file" in sentence
    path = write_offsets("c.safetensors")
    write_offsets("d.safetensors")
    assert find_model(read_catalogue([tmp_path]), None) == path


HOSTILE = [
    "../secret.safetensors",
    "../secret",
    "..\\secret.safetensors",
    "inside/secret.safetensors",
    "./fc.safetensors",
    "fc.safetensors/",
    "fc.safetensors\0",
    "",
    ".",
    "..",
    "/",
    "~",
    "*",
    "FC.safetensors.ckpt",
    "x" * 5000,
    "fc.safetensors:stream",
]


@pytest.mark.parametrize("name", HOSTILE, ids=lambda name: repr(name)[:24])
def test_a_name_is_a_file_in_the_folder_and_nothing_else(write_offsets: Write, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "ic-light"
    (folder / "inside").mkdir(parents=True)
    secret = write_offsets("secret.safetensors")
    os.link(secret, folder / "inside" / secret.name)
    os.link(secret, folder / "fc.safetensors")
    with pytest.raises(ICLightError) as caught:
        find_model(read_catalogue([folder, tmp_path / "unet"]), name)
    assert len(str(caught.value).replace(str(folder), "")) < 400
    assert find_file(read_catalogue([folder, tmp_path / "unet"]), name) is None


def test_an_absolute_path_is_no_name(write_offsets: Write, tmp_path: Path) -> None:
    secret = write_offsets("secret.safetensors")
    folder = tmp_path / "ic-light"
    folder.mkdir()
    for name in (str(secret), secret.as_uri()):
        with pytest.raises(
            ICLightError, match=rf"There is no IC-Light model .* in {re.escape(str(folder))}\. There is: no model"
        ):
            find_model(read_catalogue([folder]), name)
        assert find_file(read_catalogue([folder]), name) is None


def test_a_wrong_name_is_answered_with_the_right_ones(write_offsets: Write, tmp_path: Path) -> None:
    write_offsets("fc.safetensors")
    write_offsets("fbc.safetensors")
    with pytest.raises(ICLightError, match=r"'nope'.*fbc\.safetensors, fc\.safetensors"):
        find_model(read_catalogue([tmp_path]), "nope")


@pytest.mark.parametrize("suffix", [".ckpt", ".pt", ".pth", ".bin", ".gguf"])
def test_a_file_of_another_kind_is_said_to_be_one(write_offsets: Write, tmp_path: Path, suffix: str) -> None:
    write_offsets("fc.safetensors")
    (tmp_path / f"fc{suffix}").write_bytes(b"x")
    with pytest.raises(ICLightError, match="not a safetensors file"):
        find_model(read_catalogue([tmp_path]), f"fc{suffix}")


# ------------------------------------------------------------------------------------------------ found in several


@pytest.fixture
def folders(tmp_path: Path) -> list[Path]:
    """IC-Light's own folder, and one that holds models of every kind."""
    found = [tmp_path / "ic-light", tmp_path / "unet"]
    for folder in found:
        folder.mkdir()
    return found


def test_the_first_folder_wins(write_offsets: Write, folders: list[Path]) -> None:
    own, unet = folders
    for name in ("ic-light/both", "unet/both", "unet/a"):
        write_offsets(f"{name}.safetensors", channels=12 if name == "unet/both" else 8)
    known = known_models(read_catalogue(folders))
    assert list(known) == [own / "both.safetensors", unet / "a.safetensors"]
    assert set(known.values()) == {Kind.FOREGROUND}
    assert (
        find_model(read_catalogue(folders), "both")
        == find_file(read_catalogue(folders), "both.safetensors")
        == own / "both.safetensors"
    )
    assert find_model(read_catalogue(folders), None) == own / "both.safetensors"
    assert find_model(read_catalogue(folders), "a") == unet / "a.safetensors"
    assert find_model(read_catalogue([unet, own]), "both.safetensors") == unet / "both.safetensors"
    assert find_model(read_catalogue([unet, own]), None) == unet / "a.safetensors"


def test_any_file_is_found_by_its_whole_name(folders: list[Path]) -> None:
    model = folders[1] / "isnet-general-use.onnx"
    model.write_bytes(b"x")
    (folders[0] / "isnet-anime.onnx").mkdir()
    assert find_file(read_catalogue(folders), model.name) == model
    for name in ("isnet-general-use", "ISNET-GENERAL-USE.ONNX", "isnet-anime.onnx"):
        assert find_file(read_catalogue(folders), name) is None


def test_other_models_in_other_folders_are_left_out(write_offsets: Write, folders: list[Path]) -> None:
    path = write_offsets("unet/fc.safetensors")
    save_file(OTHERS["made for Flux"], folders[1] / "flux.safetensors")
    (folders[1] / "broken.safetensors").write_bytes(b"x")
    assert known_models(read_catalogue(folders)) == {path: Kind.FOREGROUND}
    assert damaged_models(read_catalogue(folders)) == {}
    with pytest.raises(ICLightError) as caught:
        find_model(read_catalogue(folders), "nope")
    assert str(caught.value).endswith(f"in {folders[0]} or {folders[1]}. There is: fc.safetensors.")


def test_what_is_wrong_in_the_own_folder_is_said(write_offsets: Write, folders: list[Path]) -> None:
    path = write_offsets("ic-light/fine.safetensors")
    cut = write_offsets("ic-light/cut.safetensors")
    os.truncate(cut, cut.stat().st_size // 2)
    save_file(OTHERS["a LoRA"], folders[0] / "lora.safetensors")
    (folders[0] / "page.safetensors").write_bytes(GARBAGE["a web page"])
    (folders[0] / "matting.onnx").write_bytes(b"x")
    sentences = damaged_models(read_catalogue(folders))
    assert [file.name for file in sentences] == ["cut.safetensors", "lora.safetensors", "page.safetensors"]
    says = ("cut short", "it is a LoRA", "not a safetensors file")
    for (file, sentence), said in zip(sentences.items(), says, strict=True):
        assert sentence.startswith(file.name) and said in sentence
        assert sentence.endswith(f"Replace it, or move it out of {folders[0]}.")
    assert known_models(read_catalogue(folders)) == {path: Kind.FOREGROUND}


def test_a_reason_is_given_also_after_a_quick_no(folders: list[Path]) -> None:
    path = folders[1] / "flux.safetensors"
    save_file(OTHERS["made for Flux"], path)
    assert known_models(read_catalogue(folders)) == known_models(read_catalogue(folders)) == {}
    with pytest.raises(ICLightError, match="made for Flux"):
        kind_of(path)
    assert known_models(read_catalogue(folders)) == {}


@pytest.mark.parametrize("prefix", ["", "model.diffusion_model.", "diffusion_model.", "unet."])
@pytest.mark.parametrize("names", ["diffusers", "ldm"])
@pytest.mark.parametrize("channels", [8, 12])
def test_models_under_any_names_are_found_in_other_folders(
    write_offsets: Write, folders: list[Path], names: str, prefix: str, channels: int
) -> None:
    path = write_offsets(
        "unet/model.safetensors",
        names=names,
        channels=channels,
        change=lambda tensors: {prefix + name: tensor for name, tensor in tensors.items()},
    )
    assert known_models(read_catalogue(folders)) == {path: kind_of(path)}


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage_in_other_folders_is_left_out(write_offsets: Write, folders: list[Path], what: str) -> None:
    path = write_offsets("unet/z.safetensors")
    (folders[1] / "a.safetensors").write_bytes(GARBAGE[what])
    assert known_models(read_catalogue(folders)) == {path: Kind.FOREGROUND}


def test_a_header_is_read_once(write_offsets: Write, folders: list[Path]) -> None:
    """Also that of a file which is no IC-Light model: other folders are full of them."""
    path, other = write_offsets("ic-light/fc.safetensors"), write_offsets("unet/other.safetensors")
    flux = folders[1] / "flux.safetensors"
    save_file(OTHERS["made for Flux"], flux)
    model = other.read_bytes()
    other.write_bytes(model.replace(b"conv_in.weight", b"conv_on.weight"))
    assert known_models(read_catalogue(folders)) == {path: Kind.FOREGROUND}
    with pytest.raises(ICLightError, match="made for Flux"):
        kind_of(flux)
    for file, data in ((path, GARBAGE["zeros"]), (flux, GARBAGE["zeros"]), (other, model)):
        overwrite_unseen(file, data)
    assert known_models(read_catalogue(folders)) == {path: Kind.FOREGROUND}
    with pytest.raises(ICLightError, match="made for Flux"):
        kind_of(flux)
    for file in (path, flux, other):
        os.utime(file, ns=(0, file.stat().st_mtime_ns + 1))
    assert known_models(read_catalogue(folders)) == {other: Kind.FOREGROUND}
    with pytest.raises(ICLightError, match="not a safetensors file"):
        kind_of(flux)


def overwrite_unseen(path: Path, data: bytes) -> None:
    """Other contents of the same size, inode and time stamp."""
    status = path.stat()
    with path.open("r+b") as file:
        file.write(data[: status.st_size])
    os.utime(path, ns=(0, status.st_mtime_ns))


def test_a_repaired_file_is_read_anew(write_offsets: Write, folders: list[Path]) -> None:
    path = write_offsets("ic-light/fc.safetensors")
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    assert known_models(read_catalogue(folders)) == {} and "cut short" in damaged_models(read_catalogue(folders))[path]
    path.write_bytes(data)
    assert (
        known_models(read_catalogue(folders)) == {path: Kind.FOREGROUND}
        and damaged_models(read_catalogue(folders)) == {}
    )


def test_a_header_can_be_long(write_offsets: Write) -> None:
    """The header alone is read to tell a kind: much of it is no reason to refuse."""
    path = write_offsets()
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    entries = {"__metadata__": {"note": "x" * 100_000}, **json.loads(data[8 : 8 + length])}
    text = json.dumps(entries).encode()
    path.write_bytes(header(text + b" " * (-len(text) % 8)) + data[8 + length :])
    assert kind_of(path) is Kind.FOREGROUND and load_offsets(path).kind is Kind.FOREGROUND

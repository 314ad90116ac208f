from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from lib_iclight.errors import ICLightError
from lib_iclight.weights import check_checkpoint_file, check_fit
from tests.conftest import FIRST_CONVOLUTION, ldm_unet

FIRST = FIRST_CONVOLUTION["ldm"]
Shapes = dict[str, tuple[int, ...]]


def shapes_of(**config: Any) -> Shapes:
    """The shapes of CompVis's UNet at full width, without its 3.4 GB of weights."""
    with torch.device("meta"):
        unet = ldm_unet(**{"model_channels": 320, "context_dim": 768, **config})
    return {name: tuple(parameter.shape) for name, parameter in unet.named_parameters()}


@pytest.fixture(scope="module")
def sd15() -> Shapes:
    return shapes_of()


def in_host(shapes: Shapes) -> Shapes:
    """As a host names them, with tensors beside the UNet's."""
    return {**{"diffusion_model." + name: shape for name, shape in shapes.items()}, "predictor.sigmas": (1000,)}


def offsets(shapes: Shapes, channels: int = 8) -> Shapes:
    return {**shapes, FIRST: (shapes[FIRST][0], channels, 3, 3)}


def refusal(file: Shapes, unet: Shapes) -> str:
    with pytest.raises(ICLightError) as caught:
        check_fit("fc.safetensors", file, in_host(unet))
    return str(caught.value)


@pytest.mark.parametrize("channels", [8, 12])
def test_sd15_fits(sd15: Shapes, channels: int) -> None:
    assert len(sd15) == 686 and sd15[FIRST] == (320, 4, 3, 3)
    check_fit("fc.safetensors", offsets(sd15, channels), in_host(sd15))


@pytest.mark.parametrize("names_hidden", [1, 5])
def test_a_file_that_lacks_tensors(sd15: Shapes, names_hidden: int) -> None:
    hidden = sorted(name for name in sd15 if name != FIRST)[:names_hidden]
    file = {name: shape for name, shape in offsets(sd15).items() if name not in hidden}
    sentence = refusal(file, sd15)
    assert f"fc.safetensors lacks {names_hidden} of the UNet's 686 tensors, the first {hidden[0]}" in sentence


def test_a_file_with_tensors_too_many(sd15: Shapes) -> None:
    sentence = refusal({**offsets(sd15), "zzz.weight": (1,), "yyy.weight": (1,)}, sd15)
    assert "2 tensors that the checkpoint lacks, the first yyy.weight" in sentence


@pytest.mark.parametrize("name", ["out.2.weight", "input_blocks.1.0.in_layers.2.weight", "time_embed.0.bias"])
def test_a_tensor_of_another_shape(sd15: Shapes, name: str) -> None:
    wrong = (*sd15[name][:-1], sd15[name][-1] + 1)
    sentence = refusal({**offsets(sd15), name: wrong}, sd15)
    assert f"{name} is {list(wrong)} in the file and {list(sd15[name])} in the UNet" in sentence


@pytest.mark.parametrize("shape", [(320, 8, 1, 1), (160, 8, 3, 3)])
def test_a_first_convolution_of_another_shape(sd15: Shapes, shape: tuple[int, ...]) -> None:
    assert str(list(shape)) in refusal({**offsets(sd15), FIRST: shape}, sd15)


def test_sd2_is_named(sd15: Shapes) -> None:
    sd2 = shapes_of(context_dim=1024, num_heads=-1, num_head_channels=64, use_linear_in_transformer=True)
    assert sd2.keys() == sd15.keys()
    sentence = refusal(offsets(sd15), sd2)
    assert "The checkpoint is SD 2." in sentence and "SD 1.5" in sentence


def test_an_inpainting_checkpoint_is_named(sd15: Shapes) -> None:
    for others in ({}, {"context_dim": 1024}):
        assert "inpainting checkpoint" in refusal(offsets(sd15), shapes_of(in_channels=9, **others))


def test_other_input_channels_are_named(sd15: Shapes) -> None:
    assert "8 input channels instead of 4" in refusal(offsets(sd15), shapes_of(in_channels=8))  # InstructPix2Pix


def test_another_text_encoder_is_named(sd15: Shapes) -> None:
    assert "text encoder of width 1280" in refusal(offsets(sd15), shapes_of(context_dim=1280))


def test_sdxl_is_named(sd15: Shapes) -> None:
    # three levels, and the second text encoder's embedding: `sgm`'s config sd_xl_base.yaml
    sdxl = shapes_of(channel_mult=[1, 2, 4], attention_resolutions=[4, 2], context_dim=2048)
    sdxl |= {"label_emb.0.0.weight": (1280, 2816), "label_emb.0.0.bias": (1280,)}
    assert "The checkpoint is SDXL." in refusal(offsets(sd15), sdxl)


def test_flux_is_named(sd15: Shapes) -> None:
    flux: Shapes = {
        "img_in.weight": (3072, 64),
        "double_blocks.0.img_attn.qkv.weight": (9216, 3072),
        "single_blocks.0.linear1.weight": (21504, 3072),
    }
    assert "The checkpoint is Flux" in refusal(offsets(sd15), flux)


@pytest.mark.parametrize("unet", [{}, {"joint_blocks.0.x_block.attn.qkv.weight": (4608, 1536)}], ids=["none", "SD3"])
def test_other_families_are_refused(sd15: Shapes, unet: Shapes) -> None:
    assert "without an SD UNet" in refusal(offsets(sd15), unet)


def test_the_sentence_says_what_to_do(sd15: Shapes) -> None:
    assert "choose an SD 1.5 checkpoint" in refusal(offsets(sd15), {})


# ------------------------------------------------------------------------------------------------ by its file


@pytest.fixture
def write_checkpoint(tmp_path: Path) -> Callable[[Shapes], Path]:
    """Writes a checkpoint whose tensors have these shapes: a header, and a file of the right length with holes."""

    def write(shapes: Shapes, prefix: str = "model.diffusion_model.") -> Path:
        header: dict[str, Any] = {}
        end = 0
        for name, shape in {
            **{prefix + name: shape for name, shape in shapes.items()},
            "first_stage_model.a": (1,),
        }.items():
            begin, end = end, end + 2 * math.prod(shape)
            header[name] = {"dtype": "F16", "shape": shape, "data_offsets": [begin, end]}
        text = json.dumps(header).encode()
        path = tmp_path / "checkpoint.safetensors"
        with path.open("wb") as file:
            file.write(struct.pack("<Q", len(text)) + text)
            file.truncate(file.tell() + end)
        return path

    return write


@pytest.mark.parametrize("prefix", ["model.diffusion_model.", ""])
def test_a_file_of_sd15_is_let_pass(sd15: Shapes, write_checkpoint: Callable[..., Path], prefix: str) -> None:
    check_checkpoint_file(write_checkpoint(sd15, prefix))


def test_a_file_of_another_family_is_refused_by_its_header(write_checkpoint: Callable[..., Path]) -> None:
    families = {
        "SD 2": shapes_of(context_dim=1024, num_heads=-1, num_head_channels=64, use_linear_in_transformer=True),
        "an inpainting checkpoint, whose": shapes_of(in_channels=9),
        "SDXL": {**shapes_of(context_dim=2048), "label_emb.0.0.weight": (1280, 2816)},
        "Flux, which": {"double_blocks.0.img_attn.qkv.weight": (9216, 3072)},
        "of a family without": {"joint_blocks.0.x_block.attn.qkv.weight": (4608, 1536)},
    }
    for family, shapes in families.items():
        with pytest.raises(ICLightError) as refused:
            check_checkpoint_file(write_checkpoint(shapes))
        assert str(refused.value).startswith(f"The checkpoint checkpoint.safetensors is {family}")
        assert "choose an SD 1.5 checkpoint" in str(refused.value)


@pytest.mark.parametrize("name", ["a.ckpt", "a.gguf", "damaged.safetensors", "gone.safetensors"])
def test_a_file_that_tells_nothing_is_let_pass(tmp_path: Path, name: str) -> None:
    """The host may still load it, and then its UNet tells."""
    if name != "gone.safetensors":
        (tmp_path / name).write_bytes(b"x")
    check_checkpoint_file(tmp_path / name)


# ------------------------------------------------------------------------------------------------ hostile


def test_what_a_hostile_file_holds_fills_no_page(sd15: Shapes) -> None:
    long = "<img src=x>\n" * 10_000
    for file in (
        {**offsets(sd15), long: (1,)},
        {**offsets(sd15), "out.2.bias": (1,) * 100_000},
        {**offsets(sd15), "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320,)},
    ):
        sentence = refusal(file, sd15)
        assert len(sentence) < 400 and sentence.isprintable()

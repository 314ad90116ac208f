"""Models with random weights, made on the spot: SD 1.5's every tensor by name, at a hundredth of its size."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import save_file
from torch import nn

from lib_iclight.weights.keys import ldm_names

Tensors = dict[str, torch.Tensor]

CONTEXT = 64
"""Width of the text model's output."""

_UNET = {"block_out_channels": (32, 64, 128, 128), "cross_attention_dim": CONTEXT, "attention_head_dim": 8}
_VAE = {"ch": 32, "ch_mult": (1, 1, 2, 2), "num_res_blocks": 2, "attn_resolutions": [], "resolution": 64}
_VAE_SIDE = {"in_channels": 3, "out_ch": 3, "z_channels": 4}

_GAINS = {"quant_conv.weight": 6.0, "decoder.conv_out.weight": 1.5, "out.2.weight": 1.5}
"""Latents and predicted noise get about unit variance, pictures fill their range."""


class TinyModels(NamedTuple):
    """The files of :func:`write_models`."""

    checkpoint: Path
    foreground: Path
    background: Path


def write_models(folder: Path, seed: int = 0) -> TinyModels:
    """Write a checkpoint and two IC-Light files that fit it, or find them there. The same seed gives the same files."""
    models = TinyModels(
        folder / "tiny_sd15.safetensors",
        folder / "ic-light" / "iclight_sd15_fc.safetensors",
        folder / "ic-light" / "iclight_sd15_fbc.safetensors",
    )
    for number, (path, make) in enumerate(
        zip(models, (checkpoint, lambda seed: offsets(8, seed), lambda seed: offsets(12, seed)), strict=True)
    ):
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".part")
            save_file(make(1000 * seed + number), unfinished)
            unfinished.replace(path)
    return models


def checkpoint(seed: int) -> Tensors:
    """A whole checkpoint under ldm names, fp32."""
    from ldm.modules.diffusionmodules.model import Decoder, Encoder
    from transformers import CLIPTextConfig, CLIPTextModel

    generator = torch.Generator().manual_seed(seed)
    parts = nn.ModuleDict()
    with torch.device("meta"):
        unet = dict(_unet(4).named_parameters())
        parts["encoder"] = Encoder(**_VAE, **_VAE_SIDE)
        parts["decoder"] = Decoder(**_VAE, **_VAE_SIDE)
        parts["quant_conv"] = nn.Conv2d(8, 8, 1)
        parts["post_quant_conv"] = nn.Conv2d(4, 4, 1)
        text = CLIPTextModel(
            CLIPTextConfig(
                vocab_size=49408,
                hidden_size=CONTEXT,
                intermediate_size=2 * CONTEXT,
                num_hidden_layers=2,
                num_attention_heads=1,
            )
        )
    names = ldm_names(unet)
    shapes = {f"model.diffusion_model.{names[name]}": parameter.shape for name, parameter in unet.items()}
    shapes |= {f"first_stage_model.{name}": parameter.shape for name, parameter in parts.named_parameters()}
    for name, parameter in text.named_parameters():
        shapes[f"cond_stage_model.transformer.text_model.{name.removeprefix('text_model.')}"] = parameter.shape
    tensors = dict(_random(shapes, generator))
    # a posterior as narrow as a trained one's: a wide one drowns the picture in noise
    tensors["first_stage_model.quant_conv.weight"][4:] *= 0.01
    tensors["first_stage_model.quant_conv.bias"][4:] -= 20
    return tensors


def offsets(in_channels: int, seed: int) -> Tensors:
    """Weight differences under diffusers names, fp16, small where there is a weight that they are added to.

    :param in_channels: of the first convolution: 8 for a subject, 12 for subject and background.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        shapes = {name: parameter.shape for name, parameter in _unet(in_channels).named_parameters()}
    tensors = {}
    for name, tensor in _random(shapes, generator):
        small = (tensor - 1 if tensor.ndim == 1 and name.endswith("weight") else tensor) * 0.05
        if name == "conv_in.weight":
            small[:, 4:] = tensor[:, 4:]
        tensors[name] = small.half()
    return tensors


def _unet(in_channels: int) -> nn.Module:
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(in_channels=in_channels, **_UNET)


def _random(shapes: dict[str, torch.Size], generator: torch.Generator) -> Iterator[tuple[str, torch.Tensor]]:
    """Values that keep activations sane. Norms and biases vary too, or swapped ones would not show."""
    for name, shape in shapes.items():
        values = torch.randn(shape, generator=generator)
        if len(shape) == 1:
            yield name, 0.1 * values + (1.0 if name.endswith("weight") else 0.0)
        elif "embedding" in name and "time" not in name:
            yield name, 0.02 * values
        else:
            gain = next((gain for end, gain in _GAINS.items() if name.endswith(end)), 0.6)
            yield name, gain / math.sqrt(math.prod(shape[1:])) * values

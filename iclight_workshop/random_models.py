"""Models with random weights, since no real ones can be had offline: Stable Diffusion's every tensor, at any width.

Names and shapes come from diffusers and transformers. The conversion to ldm names is written here once more, on purpose
apart from `lib_iclight`, so that a wrong key name in one of the two cannot hide.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

Shapes = dict[str, tuple[int, ...]]
Tensors = dict[str, torch.Tensor]

WEIGHT_GAIN = 0.6
"""A weight's standard deviation times the root of its fan-in; near PyTorch's own, so that activations stay bounded."""

NOISE_GAIN = 1.5
"""That of the UNet's last convolution: the predicted noise gets about unit variance."""


@dataclass(frozen=True)
class Architecture:
    """The networks of a checkpoint, as diffusers and transformers configure them."""

    unet: Mapping[str, Any]
    vae: Mapping[str, Any]
    text: Mapping[str, Any]

    latent_gain: float
    """Gain of `quant_conv`: latents get about unit variance after their scaling by 0.18215."""

    picture_gain: float
    """Gain of the decoder's last convolution: pictures fill the range from -1 to 1."""

    offset_gain: float
    """IC-Light's offsets against the weights they are added to: small, but far above the noise of fp16."""

    def unet_shapes(self, in_channels: int = 4) -> Shapes:
        """The UNet's parameters under diffusers names, with as many input channels as asked for."""
        return read_shapes(lambda: UNet2DConditionModel.from_config(self.unet, in_channels=in_channels))

    def vae_shapes(self) -> Shapes:
        """The VAE's parameters under diffusers names."""
        return read_shapes(lambda: AutoencoderKL.from_config(self.vae))

    def text_shapes(self, **changes: int) -> Shapes:
        """The text model's parameters, without the `text_model.` that newer releases of transformers leave out."""
        config = CLIPTextConfig.from_dict({**self.text, **changes})
        shapes = read_shapes(lambda: CLIPTextModel(config))
        return {name.removeprefix("text_model."): shape for name, shape in shapes.items()}


def read_shapes(build: Callable[[], torch.nn.Module]) -> Shapes:
    """Names and shapes of a module's parameters, at no memory."""
    with torch.device("meta"):
        return {name: tuple(parameter.shape) for name, parameter in build().named_parameters()}


# Names of diffusers → names of ldm


def replace_in_turn(name: str, rules: list[tuple[str, str]]) -> str:
    """The name after each rule in turn, a rule being a pattern and its replacement."""
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


UNET_LAYERS = [
    (r"\.norm1\.", ".in_layers.0."),
    (r"\.conv1\.", ".in_layers.2."),
    (r"\.time_emb_proj\.", ".emb_layers.1."),
    (r"\.norm2\.", ".out_layers.0."),
    (r"\.conv2\.", ".out_layers.3."),
    (r"\.conv_shortcut\.", ".skip_connection."),
]

UNET_ENDS = [
    (r"^conv_in\.", "input_blocks.0.0."),
    (r"^time_embedding\.linear_1\.", "time_embed.0."),
    (r"^time_embedding\.linear_2\.", "time_embed.2."),
    (r"^conv_norm_out\.", "out.0."),
    (r"^conv_out\.", "out.2."),
    (r"^mid_block\.resnets\.0\.", "middle_block.0."),
    (r"^mid_block\.attentions\.0\.", "middle_block.1."),
    (r"^mid_block\.resnets\.1\.", "middle_block.2."),
]


def to_ldm_unet_name(name: str) -> str:
    """A UNet parameter's name in ldm, without prefix."""
    if ".resnets." in name:
        name = replace_in_turn(name, UNET_LAYERS)
    match = re.match(r"(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.(.*)", name)
    if match is None:
        return replace_in_turn(name, UNET_ENDS)
    direction, block, kind, layer, rest = match[1], int(match[2]), match[3], int(match[4]), match[5]
    position = {"resnets": 0, "attentions": 1}
    if direction == "down":
        if kind == "downsamplers":
            return f"input_blocks.{3 * block + 3}.0.op.{rest.removeprefix('conv.')}"
        return f"input_blocks.{3 * block + layer + 1}.{position[kind]}.{rest}"
    if kind == "upsamplers":  # after the attention, which the deepest block does not have
        return f"output_blocks.{3 * block + 2}.{1 if block == 0 else 2}.{rest}"
    return f"output_blocks.{3 * block + layer}.{position[kind]}.{rest}"


VAE_RULES = [
    (r"encoder\.down_blocks\.(\d)\.resnets\.(\d)", r"encoder.down.\1.block.\2"),
    (r"encoder\.down_blocks\.(\d)\.downsamplers\.0", r"encoder.down.\1.downsample"),
    (r"mid_block\.resnets\.0", "mid.block_1"),
    (r"mid_block\.resnets\.1", "mid.block_2"),
    (r"mid_block\.attentions\.0\.group_norm", "mid.attn_1.norm"),
    (r"mid_block\.attentions\.0\.to_([qkv])\.", r"mid.attn_1.\1."),
    (r"mid_block\.attentions\.0\.to_out\.0", "mid.attn_1.proj_out"),
    (r"conv_shortcut", "nin_shortcut"),
    (r"conv_norm_out", "norm_out"),
]


def to_ldm_vae_name(name: str) -> str:
    """A VAE parameter's name in ldm, which counts the decoder's blocks from the other end."""
    match = re.match(r"decoder\.up_blocks\.(\d)\.(resnets\.(\d)|upsamplers\.0)\.(.*)", name)
    if match is not None:
        part = "upsample" if match[3] is None else f"block.{match[3]}"
        name = f"decoder.up.{3 - int(match[1])}.{part}.{match[4]}"
    return replace_in_turn(name, VAE_RULES)


# Random values


def draw(shapes: Shapes, generator: torch.Generator, gains: Mapping[str, float]) -> Iterator[tuple[str, torch.Tensor]]:
    """One fp32 tensor after the other, of values that keep activations sane.

    No norm is left at one and no bias at zero: that would hide names that were swapped.

    :param gains: by name, for weights whose gain is not :data:`WEIGHT_GAIN`.
    """
    for name, shape in shapes.items():
        values = torch.randn(shape, generator=generator)
        if len(shape) < 2:
            yield name, 0.1 * values + (1.0 if name.endswith(".weight") else 0.0)
        elif "embedding" in name and not name.startswith("time_embedding"):  # of tokens and their positions
            yield name, 0.02 * values
        else:
            yield name, values * (gains.get(name, WEIGHT_GAIN) / math.sqrt(math.prod(shape[1:])))


def draw_unet(shapes: Shapes, generator: torch.Generator) -> Tensors:
    """A UNet under ldm names, fp16."""
    drawn = draw(shapes, generator, {"conv_out.weight": NOISE_GAIN})
    return {f"model.diffusion_model.{to_ldm_unet_name(name)}": tensor.half() for name, tensor in drawn}


def draw_vae(architecture: Architecture, generator: torch.Generator) -> Tensors:
    """A VAE under ldm names, fp16.

    Its posterior is as narrow as a trained one's: a wide one drowns the picture in noise.
    """
    gains = {"quant_conv.weight": architecture.latent_gain, "decoder.conv_out.weight": architecture.picture_gain}
    tensors: Tensors = {}
    for name, tensor in draw(architecture.vae_shapes(), generator, gains):
        if name == "quant_conv.weight":
            tensor[4:] *= 0.01
        if name == "quant_conv.bias":
            tensor[4:] -= 20.0
        if "mid_block.attentions" in name and tensor.dim() == 2:
            tensor = tensor[:, :, None, None]  # ldm's attention is made of convolutions
        tensors[f"first_stage_model.{to_ldm_vae_name(name)}"] = tensor.half()
    return tensors


def draw_text_model(shapes: Shapes, prefix: str, generator: torch.Generator) -> Tensors:
    """A text model, fp16, whose output has a mean well away from zero: Forge divides by it."""
    tensors: Tensors = {}
    for name, tensor in draw(shapes, generator, {}):
        if name in ("final_layer_norm.bias", "ln_final.bias"):
            tensor += 0.1
        if name == "logit_scale":
            tensor += 4.6
        tensors[prefix + name] = tensor.half()
    return tensors


def draw_checkpoint(architecture: Architecture, seed: int, in_channels: int = 4) -> Tensors:
    """A whole SD 1.5 checkpoint of these widths."""
    generator = torch.Generator().manual_seed(seed)
    return (
        draw_unet(architecture.unet_shapes(in_channels), generator)
        | draw_vae(architecture, generator)
        | draw_text_model(architecture.text_shapes(), "cond_stage_model.transformer.text_model.", generator)
    )


def draw_offsets(architecture: Architecture, seed: int, in_channels: int) -> Tensors:
    """IC-Light's differences as published, under diffusers names, fp16; the condition's channels carry full weight.

    :param in_channels: of the first convolution: 8 for a subject, 12 for subject and background.
    """
    generator = torch.Generator().manual_seed(seed)
    tensors: Tensors = {}
    for name, tensor in draw(architecture.unet_shapes(in_channels), generator, {}):
        if tensor.dim() == 1 and name.endswith(".weight"):
            tensor -= 1.0  # the offset of a norm is around zero, the norm itself around one
        tensor *= architecture.offset_gain
        if name == "conv_in.weight":
            tensor[:, 4:] /= architecture.offset_gain
        tensors[name] = tensor.half()
    return tensors


def write_model(tensors: Tensors, path: Path) -> None:
    """Write a safetensors file: it is whole as soon as it has its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    save_file(tensors, unfinished)
    unfinished.replace(path)

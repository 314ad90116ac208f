"""Random weights at the true size of Stable Diffusion, since no real ones can be had offline.

Names and shapes come from diffusers and transformers. The conversion to ldm names is written here once more, on purpose
apart from `lib_iclight`, so that a wrong key name in one of the two cannot hide.
"""

from __future__ import annotations

import argparse
import math
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

Shapes = dict[str, tuple[int, ...]]
Tensors = dict[str, torch.Tensor]

SD15 = "runwayml/stable-diffusion-v1-5"
SD2 = "stabilityai/stable-diffusion-2-1"

WEIGHT_GAIN = 0.6
"""A weight's standard deviation times the root of its fan-in; near PyTorch's own, so that activations stay bounded."""

OFFSET_GAIN = 0.02
"""IC-Light's offsets against the weights they are added to: small, but far above the noise of fp16."""

UNET_GAINS = {"conv_out.weight": 1.5}
"""The predicted noise gets about unit variance."""

VAE_GAINS = {"quant_conv.weight": 9.0, "decoder.conv_out.weight": 0.8}
"""Latents get about unit variance after their scaling by 0.18215, pictures fill the range from -1 to 1."""


# Shapes, under the names of diffusers and transformers


def shapes_of(build: Callable[[], torch.nn.Module]) -> Shapes:
    """Names and shapes of a module's parameters, at no memory."""
    with torch.device("meta"):
        return {name: tuple(parameter.shape) for name, parameter in build().named_parameters()}


def unet_shapes(configuration: Path, in_channels: int = 4) -> Shapes:
    """The UNet's parameters, with as many input channels as asked for."""
    config = UNet2DConditionModel.load_config(configuration / "unet")
    return shapes_of(lambda: UNet2DConditionModel.from_config(config, in_channels=in_channels))


def vae_shapes(configuration: Path) -> Shapes:
    """The parameters of the VAE."""
    config = AutoencoderKL.load_config(configuration / "vae")
    return shapes_of(lambda: AutoencoderKL.from_config(config))


def clip_shapes(configuration: Path, **changes: int) -> Shapes:
    """The text model's parameters, without the `text_model.` that newer releases of transformers leave out."""
    config = CLIPTextConfig.from_pretrained(configuration / "text_encoder", **changes)
    return {name.removeprefix("text_model."): shape for name, shape in shapes_of(lambda: CLIPTextModel(config)).items()}


# Names of diffusers and transformers → names of ldm


def renamed(name: str, rules: list[tuple[str, str]]) -> str:
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


def unet_name(name: str) -> str:
    """A UNet parameter's name in ldm, without prefix."""
    if ".resnets." in name:
        name = renamed(name, UNET_LAYERS)
    match = re.match(r"(down|up)_blocks\.(\d)\.(\w+)\.(\d)\.(.*)", name)
    if match is None:
        return renamed(name, UNET_ENDS)
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


def vae_name(name: str) -> str:
    """A VAE parameter's name in ldm, which counts the decoder's blocks from the other end."""
    match = re.match(r"decoder\.up_blocks\.(\d)\.(resnets\.(\d)|upsamplers\.0)\.(.*)", name)
    if match is not None:
        part = "upsample" if match[3] is None else f"block.{match[3]}"
        name = f"decoder.up.{3 - int(match[1])}.{part}.{match[4]}"
    return renamed(name, VAE_RULES)


OPEN_CLIP_RULES = [
    (r"^embeddings\.token_embedding\.", "token_embedding."),
    (r"^embeddings\.position_embedding\.weight$", "positional_embedding"),
    (r"^final_layer_norm\.", "ln_final."),
    (r"^encoder\.layers\.(\d+)\.", r"transformer.resblocks.\1."),
    (r"layer_norm([12])", r"ln_\1"),
    (r"mlp\.fc1", "mlp.c_fc"),
    (r"mlp\.fc2", "mlp.c_proj"),
    (r"self_attn\.out_proj", "attn.out_proj"),
    (r"self_attn\.[qkv]_proj\.", "attn.in_proj_"),
]


def open_clip_shapes(shapes: Shapes) -> Shapes:
    """OpenCLIP's names, where query, key and value are one tensor."""
    result: Shapes = {}
    for name, shape in shapes.items():
        fused = re.search(r"self_attn\.[qkv]_proj\.", name) is not None
        result[renamed(name, OPEN_CLIP_RULES)] = (3 * shape[0], *shape[1:]) if fused else shape
    width = shapes["final_layer_norm.weight"][0]
    return result | {"text_projection": (width, width), "logit_scale": ()}


# Random values


def random_tensor(name: str, shape: tuple[int, ...], gain: float, generator: torch.Generator) -> torch.Tensor:
    """Values that keep activations sane; no norm is left at one and no bias at zero, which would hide swapped names."""
    values = torch.randn(shape, generator=generator)
    if len(shape) < 2:
        return 0.1 * values + (1.0 if name.endswith(".weight") else 0.0)
    if "embedding" in name:
        return 0.02 * values
    return values * (gain / math.sqrt(math.prod(shape[1:])))


def random_tensors(
    shapes: Shapes, generator: torch.Generator, gains: dict[str, float] | None = None
) -> Iterator[tuple[str, torch.Tensor]]:
    """One fp32 tensor after the other, under the names given."""
    for name, shape in shapes.items():
        yield name, random_tensor(name, shape, (gains or {}).get(name, WEIGHT_GAIN), generator)


def random_unet(shapes: Shapes, generator: torch.Generator) -> Tensors:
    """A UNet under ldm names."""
    return {
        f"model.diffusion_model.{unet_name(name)}": tensor.half()
        for name, tensor in random_tensors(shapes, generator, UNET_GAINS)
    }


def random_vae(shapes: Shapes, generator: torch.Generator) -> Tensors:
    """A VAE under ldm names, its posterior as narrow as a trained one's: a wide one drowns the picture in noise."""
    result: Tensors = {}
    for name, tensor in random_tensors(shapes, generator, VAE_GAINS):
        if name == "quant_conv.weight":
            tensor[4:] *= 0.01
        if name == "quant_conv.bias":
            tensor[4:] -= 20.0
        if "mid_block.attentions" in name and tensor.dim() == 2:
            tensor = tensor[:, :, None, None]
        result[f"first_stage_model.{vae_name(name)}"] = tensor.half()
    return result


def random_clip(shapes: Shapes, prefix: str, generator: torch.Generator) -> Tensors:
    """A text model whose output has a mean well away from zero: Forge divides by it."""
    result: Tensors = {}
    for name, tensor in random_tensors(shapes, generator):
        if name in ("final_layer_norm.bias", "ln_final.bias"):
            tensor += 0.1
        if name == "logit_scale":
            tensor += 4.6
        result[prefix + name] = tensor.half()
    return result


# Files


def sd1_checkpoint(configurations: Path, seed: int, in_channels: int = 4) -> Tensors:
    """A whole checkpoint of SD 1.5's shape."""
    generator = torch.Generator().manual_seed(seed)
    configuration = configurations / SD15
    return (
        random_unet(unet_shapes(configuration, in_channels), generator)
        | random_vae(vae_shapes(configuration), generator)
        | random_clip(clip_shapes(configuration), "cond_stage_model.transformer.text_model.", generator)
    )


def sd2_checkpoint(configurations: Path, seed: int) -> Tensors:
    """A whole checkpoint of SD 2.1's shape; published files have one text layer more than is used."""
    generator = torch.Generator().manual_seed(seed)
    configuration = configurations / SD2
    text = open_clip_shapes(clip_shapes(configuration, num_hidden_layers=24))
    return (
        random_unet(unet_shapes(configuration), generator)
        | random_vae(vae_shapes(configuration), generator)
        | random_clip(text, "cond_stage_model.model.", generator)
    )


def offsets(configurations: Path, seed: int, in_channels: int) -> Tensors:
    """IC-Light's differences as published, under diffusers names; the condition's own channels carry full weight."""
    generator = torch.Generator().manual_seed(seed)
    result: Tensors = {}
    for name, tensor in random_tensors(unet_shapes(configurations / SD15, in_channels), generator):
        if tensor.dim() == 1 and name.endswith(".weight"):
            tensor -= 1.0  # the offset of a norm is around zero, the norm itself around one
        tensor *= OFFSET_GAIN
        if name == "conv_in.weight":
            tensor[:, 4:] /= OFFSET_GAIN
        result[name] = tensor.half()
    return result


def lora(configurations: Path, seed: int, rank: int = 4) -> Tensors:
    """A LoRA with kohya's names on the UNet's attention values: random queries and keys hardly change a picture."""
    generator = torch.Generator().manual_seed(seed)
    result: Tensors = {}
    for name, shape in unet_shapes(configurations / SD15).items():
        if re.search(r"_blocks\..*attn[12]\.to_v\.weight", name) is None:
            continue
        layer = "lora_unet_" + name.removesuffix(".weight").replace(".", "_")
        down = torch.randn(rank, shape[1], generator=generator) / math.sqrt(shape[1])
        result[f"{layer}.lora_down.weight"] = down.half()
        result[f"{layer}.lora_up.weight"] = (0.5 * torch.randn(shape[0], rank, generator=generator)).half()
        result[f"{layer}.alpha"] = torch.tensor(float(rank)).half()
    return result


FILES: dict[str, Callable[[Path], Tensors]] = {
    "Stable-diffusion/full-size-a.safetensors": lambda path: sd1_checkpoint(path, seed=1),
    "Stable-diffusion/full-size-b.safetensors": lambda path: sd1_checkpoint(path, seed=2),
    "Stable-diffusion/full-size-inpainting.safetensors": lambda path: sd1_checkpoint(path, seed=3, in_channels=9),
    "Stable-diffusion/full-size-sd2.safetensors": lambda path: sd2_checkpoint(path, seed=4),
    "ic-light/iclight_sd15_fc.safetensors": lambda path: offsets(path, seed=5, in_channels=8),
    "ic-light/iclight_sd15_fbc.safetensors": lambda path: offsets(path, seed=6, in_channels=12),
    "Lora/full-size-lora.safetensors": lambda path: lora(path, seed=7),
}
"""Every file, by its path under Forge's `models`, and what makes it."""


def main() -> None:
    """Write the files that are missing, or those asked for."""
    parser = argparse.ArgumentParser(description="Write random models of true size into a Forge folder.")
    parser.add_argument("forge", type=Path, metavar="FORGE_DIR")
    parser.add_argument("--only", nargs="+", metavar="WORD", help="files whose path contains one of these words")
    parser.add_argument("--force", action="store_true", help="write files anew that are there already")
    arguments = parser.parse_args()
    configurations = arguments.forge / "backend" / "huggingface"
    for name, make in FILES.items():
        path = arguments.forge / "models" / name
        wanted = arguments.only is None or any(word in name for word in arguments.only)
        if not wanted or (path.exists() and not arguments.force):
            continue
        start = time.perf_counter()
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".part")
        save_file(make(configurations), unfinished)
        unfinished.replace(path)
        print(f"{name}: {path.stat().st_size} bytes, {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()

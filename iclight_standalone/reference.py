"""What IC-Light computes, written a second time with diffusers: the measure for every host, and what the demo prints.

Sources: `gradio_demo.py` and `gradio_demo_bg.py` of lllyasviel/IC-Light for the method; diffusers' own converters for
the names, so that a wrong name in ours can't hide. Nothing of `lib_iclight` or of the small host is used here, not even
a constant: what the two have in common would be right in both or wrong in both.
"""

from __future__ import annotations

import functools
import gc
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
from PIL import Image
from safetensors import safe_open
from safetensors.torch import load_file

SCALING_FACTOR = 0.18215

UNET_PREFIX, VAE_PREFIX = "model.diffusion_model.", "first_stage_model."

LANCZOS = Image.Resampling.LANCZOS

Tensors = dict[str, torch.Tensor]


def relative_error(actual: torch.Tensor, expected: torch.Tensor) -> float:
    """Norm of the difference over the norm of what is expected."""
    return ((actual.double() - expected.double()).norm() / expected.double().norm()).item()


# Pictures


def grey_composite(picture: Image.Image) -> Image.Image:
    """An RGBA picture on grey 127, truncated."""
    rgba = np.asarray(picture.convert("RGBA")).astype(np.float64)
    share = rgba[..., 3:] / 255
    return Image.fromarray(np.floor(127 + (rgba[..., :3] - 127) * share + 1e-6).astype(np.uint8))


def cover(picture: Image.Image, width: int, height: int) -> Image.Image:
    """Lanczos to the smallest size that covers, cut at the centre."""
    scale = max(width / picture.width, height / picture.height)
    wide, high = round(picture.width * scale), round(picture.height * scale)
    picture = picture.resize((wide, high), LANCZOS)
    return picture.crop(((wide - width) / 2, (high - height) / 2, (wide + width) / 2, (high + height) / 2))


def light_map(side: str, width: int, height: int) -> Image.Image:
    """The reference's light maps."""
    if side == "ambient":
        return Image.new("RGB", (width, height), (127, 127, 127))
    ends = (255, 0) if side in ("left", "top") else (0, 255)
    across = side in ("left", "right")
    ramp = np.linspace(*ends, width if across else height)
    grid = np.tile(ramp, (height, 1)) if across else np.tile(ramp[:, None], (1, width))
    return Image.fromarray(np.stack([grid] * 3, axis=-1).astype(np.uint8))


# Networks


def _part(path: Path, prefix: str) -> Tensors:
    """A checkpoint's tensors under a prefix, which they keep, in float32."""
    with safe_open(path, framework="pt") as file:
        return {key: file.get_tensor(key).float() for key in file.keys() if key.startswith(prefix)}


@functools.lru_cache(maxsize=1)
def relighting_unet(checkpoint: Path, offsets: Path, strength: float = 1.0) -> UNet2DConditionModel:
    """diffusers' UNet with the offsets added to its weights and its first convolution widened, in float32.

    Key: both paths and the strength. Bound: one UNet. Emptied by: the next.

    :param offsets: under diffusers names, as published, or ldm's.
    """
    gc.collect()
    weights = _part(checkpoint, UNET_PREFIX)
    config = _unet_config(weights)
    summed = convert_ldm_unet_checkpoint(weights, config={**config, "class_embed_type": None})
    del weights
    differences = _read_offsets(offsets, config)
    assert differences.keys() == summed.keys()
    for key, difference in differences.items():
        if key == "conv_in.weight":
            widened = torch.zeros(difference.shape)
            widened[:, :4] = summed[key]
            summed[key] = widened
        summed[key] = summed[key] + strength * difference.float()
    with torch.device("meta"):
        unet = UNet2DConditionModel(**{**config, "in_channels": summed["conv_in.weight"].shape[1]})
    unet.load_state_dict(summed, assign=True)
    return unet.eval()


def _unet_config(weights: Tensors) -> dict[str, Any]:
    """SD 1.5's topology at the widths that the checkpoint has."""
    first_block = f"{UNET_PREFIX}input_blocks.1.1.transformer_blocks.0"
    return {
        "in_channels": 4,
        "out_channels": 4,
        "block_out_channels": tuple(
            weights[f"{UNET_PREFIX}input_blocks.{block}.0.out_layers.3.weight"].shape[0] for block in (1, 4, 7, 10)
        ),
        "layers_per_block": 2,
        "cross_attention_dim": weights[f"{first_block}.attn2.to_k.weight"].shape[1],
        "attention_head_dim": 8,
    }


def _read_offsets(path: Path, config: dict[str, Any]) -> Tensors:
    """By diffusers name."""
    differences = load_file(path)
    if "conv_in.weight" in differences:
        return differences
    prefixed = {UNET_PREFIX + name.removeprefix(UNET_PREFIX): tensor for name, tensor in differences.items()}
    return convert_ldm_unet_checkpoint(prefixed, config={**config, "class_embed_type": None})


@functools.lru_cache(maxsize=2)
def vae(checkpoint: Path) -> AutoencoderKL:
    """diffusers' VAE with the checkpoint's weights, in float32.

    Key: the path. Bound: two. Emptied by: others.
    """
    weights = _part(checkpoint, VAE_PREFIX)
    widths = tuple(weights[f"{VAE_PREFIX}encoder.down.{level}.block.1.conv2.weight"].shape[0] for level in range(4))
    blocks = {"down_block_types": ("DownEncoderBlock2D",) * 4, "up_block_types": ("UpDecoderBlock2D",) * 4}
    config = {**blocks, "block_out_channels": widths, "layers_per_block": 2, "latent_channels": 4}
    model = AutoencoderKL(**config)
    model.load_state_dict(convert_ldm_vae_checkpoint(weights, config))
    return model.eval()


@torch.inference_mode()
def encode(checkpoint: Path, pixels: torch.Tensor) -> torch.Tensor:
    """The posterior's mode, scaled, of pixels in -1…1, [B, 3, H, W]."""
    return vae(checkpoint).encode(pixels).latent_dist.mode() * SCALING_FACTOR


@torch.inference_mode()
def decode(checkpoint: Path, latent: torch.Tensor) -> torch.Tensor:
    """Pixels in -1…1, [B, 3, H, W]."""
    return vae(checkpoint).decode(latent / SCALING_FACTOR).sample


def condition(checkpoint: Path, *pictures: Image.Image) -> torch.Tensor:
    """`c_concat` of pictures that have the size already: their latents along the channels, [1, 4 or 8, H/8, W/8]."""
    values = torch.from_numpy(np.stack([np.asarray(picture.convert("RGB")) for picture in pictures]))
    # contiguous NCHW: torch's convolutions round up to ten times worse in the other layout
    latents = encode(checkpoint, values.movedim(-1, 1).contiguous().float() / 127 - 1)
    return torch.cat(list(latents[:, None]), dim=1)


@functools.lru_cache(maxsize=1)
def sigmas() -> torch.Tensor:
    """SD's 1000 noise levels, from its scaled-linear schedule. Key: none. Bound: one table. Never emptied."""
    betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
    remaining = torch.cumprod(1 - betas, dim=0)
    return ((1 - remaining) / remaining) ** 0.5


@dataclass(frozen=True)
class Denoiser:
    """diffusers' UNet with summed weights, called as the hosts call theirs."""

    checkpoint: Path
    offsets: Path
    strength: float = 1.0

    def epsilon(
        self, x: torch.Tensor, sigma: torch.Tensor, context: torch.Tensor, c_concat: torch.Tensor
    ) -> torch.Tensor:
        """The noise that the UNet sees in `x` [N, 4, h, w] at `sigma` [N]; `c_concat` [1 or B, …] is repeated."""
        timesteps = (sigmas().log()[None] - sigma.double().log()[:, None]).abs().argmin(dim=1)
        return self.epsilon_of_scaled(x / (sigma[:, None, None, None] ** 2 + 1) ** 0.5, timesteps, context, c_concat)

    @torch.inference_mode()
    def epsilon_of_scaled(
        self, scaled: torch.Tensor, timesteps: torch.Tensor, context: torch.Tensor, c_concat: torch.Tensor
    ) -> torch.Tensor:
        """The same of a latent that is scaled already, [N, 4, h, w], at levels of noise 0…999, [N]."""
        unet = relighting_unet(self.checkpoint, self.offsets, self.strength)
        wide = torch.cat([scaled, c_concat.repeat(len(scaled) // len(c_concat), 1, 1, 1)], dim=1)
        return unet(wide, timesteps, context).sample

"""The same relight computed a second time, by diffusers alone: the measure that the demo prints."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint, convert_ldm_vae_checkpoint
from safetensors.torch import load_file

from .model import PARTS
from .networks import SCALING, vae_config


@dataclass
class Recorder:
    """An always-on script that keeps what the UNet was given, and what it gave back, in its first call."""

    given: tuple[torch.Tensor, ...] = ()
    """Latent and condition [B, 8 or 12, H/8, W/8], timesteps [B], prompts [B, 77 · n, width]."""
    output: torch.Tensor | None = None
    _hook: Any = field(default=None, repr=False)

    def title(self) -> str:
        """Its name among the scripts."""
        return "Recorder"

    def process_before_every_sampling(self, p: Any, *args: Any, **kwargs: Any) -> None:
        """Begin to listen at the UNet itself, behind every wrapper and merge."""
        if self._hook is None:
            unet = p.sd_model.forge_objects.unet.model.diffusion_model
            self._hook = unet.register_forward_hook(self._record)

    def _record(self, module: torch.nn.Module, given: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        if self.output is None:
            self.given, self.output = given, output
        self._hook.remove()


@torch.inference_mode()
def relative_error(recorder: Recorder, checkpoint: Path, iclight: Path, pictures: list[np.ndarray]) -> float:
    """How far the recorded UNet's output is from diffusers', with summed weights and a condition of its own.

    :param pictures: what the condition shows, uint8 [H, W, 3] at the size that was sampled, the subject first.
    :returns: norm of the difference over the norm of what is expected.
    """
    tensors = {name: tensor.float() for name, tensor in load_file(checkpoint).items()}
    x, timesteps, context = recorder.given
    condition = _condition(tensors, pictures)
    noisy = torch.cat([x[:, :4], condition.expand(len(x), -1, -1, -1)], dim=1)
    expected = _summed_unet(tensors, load_file(iclight))(noisy, timesteps, context).sample
    return ((recorder.output - expected).double().norm() / expected.double().norm()).item()


def _condition(tensors: dict[str, torch.Tensor], pictures: list[np.ndarray]) -> torch.Tensor:
    prefix = PARTS["vae"]
    weights = {name: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    config = vae_config({name.removeprefix(prefix): tensor for name, tensor in weights.items()})
    vae = AutoencoderKL(**config).eval()
    vae.load_state_dict(convert_ldm_vae_checkpoint(weights, config))
    # contiguous: with the channels last PyTorch's GroupNorm on the CPU is inexact
    pixels = torch.from_numpy(np.stack(pictures)).movedim(-1, 1).contiguous().float() / 127 - 1
    latents = vae.encode(pixels).latent_dist.mode() * SCALING
    return torch.cat(list(latents[:, None]), dim=1)


def _summed_unet(tensors: dict[str, torch.Tensor], differences: dict[str, torch.Tensor]) -> UNet2DConditionModel:
    prefix = PARTS["unet"]
    weights = {name: tensor for name, tensor in tensors.items() if name.startswith(prefix)}
    config = {
        "block_out_channels": [
            weights[f"{prefix}input_blocks.{n}.0.out_layers.3.weight"].shape[0] for n in (1, 4, 7, 10)
        ],
        "cross_attention_dim": weights[f"{prefix}input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"].shape[1],
        "attention_head_dim": 8,
        "layers_per_block": 2,
    }
    conversion = {**config, "class_embed_type": None}
    summed = convert_ldm_unet_checkpoint(weights, conversion)
    if "conv_in.weight" not in differences:  # a file with ldm names
        differences = {prefix + name.removeprefix(prefix): tensor for name, tensor in differences.items()}
        differences = convert_ldm_unet_checkpoint(differences, conversion)
    for name, difference in differences.items():
        weight = summed[name]
        summed[name] = difference.float()
        summed[name][tuple(slice(size) for size in weight.shape)] += weight
    unet = UNet2DConditionModel(in_channels=differences["conv_in.weight"].shape[1], **config).eval()
    unet.load_state_dict(summed)
    return unet

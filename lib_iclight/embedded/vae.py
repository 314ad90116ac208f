"""The VAE: diffusers' `AutoencoderKL`, behind the host's calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from diffusers import AutoencoderKL
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
from torch import nn

from .patcher import ModelPatcher

SCALING = 0.18215
"""What SD 1 multiplies latents by, to bring them to unit variance."""


class FirstStage(nn.Module):
    """A checkpoint's VAE, in -1…1 and unscaled latents."""

    def __init__(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """:param tensors: by their ldm names, without a prefix."""
        super().__init__()
        config = vae_config({name: tensor.shape for name, tensor in tensors.items()})
        self.autoencoder = AutoencoderKL(**config)
        self.autoencoder.load_state_dict(convert_ldm_vae_checkpoint(dict(tensors), config))
        self.requires_grad_(False).eval()

    def encode(self, x: torch.Tensor, regulation: Callable[[Any], torch.Tensor] | None = None) -> torch.Tensor:
        """:param x: [B, 3, H, W] in -1…1.

        :param regulation: takes the posterior, returns the latent; None: sampled from the global random state.
        :returns: [B, 4, H/8, W/8], unscaled.
        """
        posterior = self.autoencoder.encode(x).latent_dist
        return posterior.sample() if regulation is None else regulation(posterior)

    def decode(self, z: torch.Tensor) -> torch.Tensor:
        """Unscaled latents [B, 4, H/8, W/8] to pictures [B, 3, H, W], about -1…1."""
        return self.autoencoder.decode(z).sample

    def process_in(self, latent: torch.Tensor) -> torch.Tensor:
        """What the VAE gives to what the UNet takes."""
        return latent * SCALING

    def process_out(self, latent: torch.Tensor) -> torch.Tensor:
        """What the UNet gives to what the VAE takes."""
        return latent / SCALING


class VAE:
    """What `forge_objects.vae` is: the model and its patcher. Clones share the model."""

    def __init__(self, first_stage_model: FirstStage, patcher: ModelPatcher | None = None) -> None:
        self.first_stage_model = first_stage_model
        self.patcher = patcher or ModelPatcher(first_stage_model)

    def clone(self) -> VAE:
        """Another patcher on the same model."""
        return VAE(self.first_stage_model, self.patcher.clone())

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        """[B, H, W, 3] in 0…1, not clamped, to unscaled latents [B, 4, H/8, W/8], one picture after the other."""
        regulation = self.patcher.model_options.get("model_vae_regulation")
        pictures = (2.0 * pixels.movedim(-1, 1) - 1.0).split(1)
        return torch.cat([self.first_stage_model.encode(picture, regulation) for picture in pictures])

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Unscaled latents [B, 4, H/8, W/8] to [B, H, W, 3], clamped to 0…1."""
        pictures = torch.cat([self.first_stage_model.decode(latent) for latent in latents.split(1)])
        return ((pictures + 1.0) / 2.0).clamp(0.0, 1.0).movedim(1, -1)


def vae_config(shapes: Mapping[str, torch.Size]) -> dict[str, Any]:
    """The settings of `AutoencoderKL` for tensors of these shapes, by ldm name."""
    levels = 1 + max(int(name.split(".")[2]) for name in shapes if name.startswith("encoder.down."))
    return {
        "block_out_channels": [shapes[f"encoder.down.{level}.block.0.conv1.weight"][0] for level in range(levels)],
        "layers_per_block": len([name for name in shapes if name.startswith("encoder.down.0.") and "conv1.w" in name]),
        "latent_channels": shapes["decoder.conv_in.weight"][1],
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
    }

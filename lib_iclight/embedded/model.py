"""A loaded SD 1.5 checkpoint: what the host calls `sd_model`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from ..errors import ICLightError
from .patcher import ModelPatcher
from .text import TextEncoder
from .unet import Unet
from .vae import VAE, FirstStage

PARTS = {
    "unet": "model.diffusion_model.",
    "vae": "first_stage_model.",
    "clip": "cond_stage_model.transformer.",
}
"""What each part's names begin with in a single-file checkpoint."""


class Predictor(nn.Module):
    """SD 1's noise schedule: 1,000 levels, betas from 0.00085 to 0.012 with their roots on a line."""

    def __init__(self) -> None:
        super().__init__()
        betas = torch.linspace(0.00085**0.5, 0.012**0.5, 1000, dtype=torch.float64) ** 2
        kept = torch.cumprod(1 - betas, dim=0)
        self.register_buffer("sigmas", ((1 - kept) / kept).sqrt().float())
        self.register_buffer("log_sigmas", self.sigmas.log())

    def timestep(self, sigma: torch.Tensor) -> torch.Tensor:
        """The nearest level's number, for each sigma."""
        return (sigma.log() - self.log_sigmas[:, None]).abs().argmin(dim=0)

    def sigma(self, timestep: torch.Tensor) -> torch.Tensor:
        """The noise at a level, between two of them as well: interpolated in the logarithm."""
        low, high = timestep.floor().long(), timestep.ceil().long()
        return torch.lerp(self.log_sigmas[low], self.log_sigmas[high], timestep.frac()).exp()

    def noise_scaling(self, sigma: torch.Tensor, noise: torch.Tensor, latent: torch.Tensor) -> torch.Tensor:
        """The latent with that much noise on it."""
        return latent + noise * sigma


class KModel(nn.Module):
    """The UNet as samplers see it: a noisy latent in, a clean one out."""

    def __init__(self, unet: Unet) -> None:
        super().__init__()
        self.diffusion_model = unet
        self.predictor = Predictor()

    def apply_model(
        self,
        x: torch.Tensor,
        t: torch.Tensor,
        c_concat: torch.Tensor | None = None,
        c_crossattn: torch.Tensor | None = None,
        transformer_options: dict[str, Any] | None = None,
        **others: Any,
    ) -> torch.Tensor:
        """Denoise.

        :param x: [B, 4, H/8, W/8], as noisy as `t` says; it is scaled here.
        :param t: sigma, [B].
        :param c_concat: appended to the channels as it is.
        :returns: the denoised latent, [B, 4, H/8, W/8].
        """
        sigma = t[:, None, None, None]
        scaled = x / (sigma**2 + 1) ** 0.5
        if c_concat is not None:
            scaled = torch.cat([scaled, c_concat], dim=1)
        return x - self.diffusion_model(scaled, self.predictor.timestep(t).float(), c_crossattn) * sigma


@dataclass
class ForgeObjects:
    """The parts of a checkpoint that extensions exchange."""

    unet: ModelPatcher
    clip: TextEncoder
    vae: VAE

    def shallow_copy(self) -> ForgeObjects:
        """Another set with the same parts."""
        return replace(self)


class StableDiffusion:
    """One loaded checkpoint."""

    def __init__(self, checkpoint: Path) -> None:
        """:raises ICLightError: the file is no SD 1 checkpoint in one safetensors file."""
        parts = _read(checkpoint)
        self.filename = checkpoint
        self.forge_objects = ForgeObjects(
            ModelPatcher(KModel(Unet(parts["unet"]))), TextEncoder(parts["clip"]), VAE(FirstStage(parts["vae"]))
        )
        self.forge_objects_original = self.forge_objects.shallow_copy()
        self.forge_objects_after_applying_lora = self.forge_objects.shallow_copy()
        self.is_sd1 = True
        self.is_inpaint = parts["unet"]["input_blocks.0.0.weight"].shape[1] == 9

    def get_learned_conditioning(self, prompts: Sequence[str]) -> torch.Tensor:
        """[prompts, 77 · n, width]."""
        return self.forge_objects.clip(prompts)

    def encode_first_stage(self, pictures: torch.Tensor) -> torch.Tensor:
        """[B, 3, H, W] in 0…1 to scaled latents [B, 4, H/8, W/8]; the posterior is sampled."""
        vae = self.forge_objects.vae
        return vae.first_stage_model.process_in(vae.encode(pictures.movedim(1, -1)))

    def decode_first_stage(self, latents: torch.Tensor) -> torch.Tensor:
        """Scaled latents [B, 4, H/8, W/8] to [B, 3, H, W], clamped to 0…1."""
        vae = self.forge_objects.vae
        return vae.decode(vae.first_stage_model.process_out(latents)).movedim(-1, 1)


def _read(checkpoint: Path) -> dict[str, dict[str, torch.Tensor]]:
    """Each part's tensors by name, without the part's prefix, in fp32."""
    if checkpoint.suffix.lower() != ".safetensors":
        raise ICLightError(f"{checkpoint.name} is not a safetensors file: the embedded host opens no other checkpoint.")
    try:
        tensors = load_file(checkpoint)
    except (SafetensorError, OSError) as error:
        raise ICLightError(f"The checkpoint {checkpoint.name} can't be read: {error}.") from error
    parts: dict[str, dict[str, torch.Tensor]] = {part: {} for part in PARTS}
    for name, tensor in tensors.items():
        for part, prefix in PARTS.items():
            if name.startswith(prefix):
                parts[part][name[len(prefix) :]] = tensor.float() if tensor.is_floating_point() else tensor
    for part, prefix in PARTS.items():
        if not parts[part]:
            raise ICLightError(f"{checkpoint.name} is no SD 1.5 checkpoint: it has no tensors under {prefix}")
    return parts

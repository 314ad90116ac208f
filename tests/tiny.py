"""A checkpoint and IC-Light's files with random weights, made on the spot: at a hundredth of SD 1.5's size."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from iclight_workshop.random_models import Architecture, draw_checkpoint, draw_offsets, write_model

TINY = Architecture(
    unet={"block_out_channels": (32, 64, 128, 128), "cross_attention_dim": 64, "attention_head_dim": 8},
    vae={
        "block_out_channels": (32, 32, 64, 64),
        "down_block_types": ("DownEncoderBlock2D",) * 4,
        "up_block_types": ("UpDecoderBlock2D",) * 4,
        "layers_per_block": 2,
    },
    text={
        "vocab_size": 49408,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 1,
    },
    latent_gain=15.0,
    picture_gain=1.5,
    offset_gain=0.05,
)
"""SD 1.5's topology and names, narrow. The vocabulary is CLIP's."""


class TinyModels(NamedTuple):
    """The files of :func:`write_models`."""

    checkpoint: Path
    foreground: Path
    background: Path


def write_models(folder: Path) -> TinyModels:
    """Write a checkpoint and two IC-Light files that fit it, always the same."""
    models = TinyModels(
        folder / "tiny_sd15.safetensors",
        folder / "ic-light" / "iclight_sd15_fc.safetensors",
        folder / "ic-light" / "iclight_sd15_fbc.safetensors",
    )
    write_model(draw_checkpoint(TINY, seed=0), models.checkpoint)
    write_model(draw_offsets(TINY, seed=1, in_channels=8), models.foreground)
    write_model(draw_offsets(TINY, seed=2, in_channels=12), models.background)
    return models

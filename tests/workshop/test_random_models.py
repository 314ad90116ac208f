"""Random models have every tensor that real ones have, by the original code's own names."""

from __future__ import annotations

import torch
from ldm.modules.diffusionmodules.model import Decoder, Encoder

from iclight_workshop.random_models import Tensors, draw_checkpoint, draw_offsets
from tests.conftest import diffusers_unet, ldm_unet
from tests.tiny import TINY


def shapes(tensors: Tensors, prefix: str = "") -> dict[str, tuple[int, ...]]:
    return {prefix + name: tuple(tensor.shape) for name, tensor in tensors.items()}


def autoencoder() -> torch.nn.Module:
    """CompVis's own, as wide as the tiny one."""
    config = {"ch": 32, "ch_mult": (1, 1, 2, 2), "num_res_blocks": 2, "attn_resolutions": [], "resolution": 64}
    config |= {"in_channels": 3, "out_ch": 3, "z_channels": 4}
    parts = {"encoder": Encoder(**config), "decoder": Decoder(**config)}
    parts |= {"quant_conv": torch.nn.Conv2d(8, 8, 1), "post_quant_conv": torch.nn.Conv2d(4, 4, 1)}
    return torch.nn.ModuleDict(parts)


def test_names_and_shapes_are_those_of_compvis() -> None:
    drawn = shapes(draw_checkpoint(TINY, seed=0))
    with torch.device("meta"):
        expected = shapes(ldm_unet(context_dim=64).state_dict(), "model.diffusion_model.")
        expected |= shapes(autoencoder().state_dict(), "first_stage_model.")
    assert {name: drawn[name] for name in drawn if not name.startswith("cond_stage_model.")} == expected


def test_offsets_have_the_names_of_diffusers() -> None:
    drawn = shapes(draw_offsets(TINY, seed=0, in_channels=12))
    with torch.device("meta"):
        assert drawn == shapes(diffusers_unet(in_channels=12, cross_attention_dim=64).state_dict())


def test_no_tensor_is_of_one_value() -> None:
    """A norm of ones or a bias of zeros would hide that two names were exchanged."""
    for tensors in (draw_checkpoint(TINY, seed=0), draw_offsets(TINY, seed=0, in_channels=8)):
        assert all(tensor.float().std() > 0 for tensor in tensors.values())

"""SD's UNet under ldm names, built from CompVis's own blocks to the sizes that a checkpoint's tensors have."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import torch
from ldm.modules.attention import CrossAttention, SpatialTransformer
from ldm.modules.diffusionmodules.openaimodel import (
    Downsample,
    ResBlock,
    TimestepEmbedSequential,
    Upsample,
    timestep_embedding,
)
from torch import nn

Shapes = Mapping[str, torch.Size]

HEADS = 8
"""Attention heads of every SD 1 UNet: the one number that no tensor's shape tells."""


class Unet(nn.Module):
    """CompVis's `UNetModel`, laid out after a checkpoint's names and shapes.

    Its blocks are the ones of `ldm.modules.diffusionmodules.openaimodel`. Its constructor is not used: that one needs
    omegaconf, and a list of settings where the tensors already say everything.
    """

    def __init__(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """:param tensors: the UNet's tensors by their ldm names, without a prefix; they are copied as fp32."""
        super().__init__()
        shapes = {name: tensor.shape for name, tensor in tensors.items()}
        self.width = shapes["time_embed.0.weight"][1]
        embedding = shapes["time_embed.0.weight"][0]
        self.time_embed = nn.Sequential(nn.Linear(self.width, embedding), nn.SiLU(), nn.Linear(embedding, embedding))
        self.input_blocks = nn.ModuleList(_blocks(shapes, "input_blocks"))
        self.middle_block = _block(shapes, "middle_block")
        self.output_blocks = nn.ModuleList(_blocks(shapes, "output_blocks"))
        outwards = shapes["out.2.weight"]
        self.out = nn.Sequential(
            nn.GroupNorm(32, outwards[1]), nn.SiLU(), nn.Conv2d(outwards[1], outwards[0], 3, padding=1)
        )
        for module in self.modules():
            if isinstance(module, CrossAttention):
                module.forward = functools.partial(_attention, module)
        self.load_state_dict(tensors)
        self.requires_grad_(False).eval()

    def forward(self, x: torch.Tensor, timesteps: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
        """Predict the noise.

        :param x: [B, C, H/8, W/8], already scaled, the condition's channels included; any size from 1 up.
        :param timesteps: [B], 0…999.
        :param context: the prompt, [B, 77 · n, width].
        :returns: [B, 4, H/8, W/8].
        """
        embedding = self.time_embed(timestep_embedding(timesteps, self.width))
        skips = []
        for block in self.input_blocks:
            x = block(x, embedding, context)
            skips.append(x)
        x = self.middle_block(x, embedding, context)
        for block in self.output_blocks:
            x = torch.cat([x, skips.pop()], dim=1)
            for layer in block:
                if isinstance(layer, Upsample):  # to the skip's size, which needn't be twice as large
                    size = skips[-1].shape[-2:]
                    x = layer.conv(nn.functional.interpolate(x, size=size, mode="nearest"))
                else:
                    x = TimestepEmbedSequential(layer)(x, embedding, context)
        return self.out(x)


def _attention(
    layer: CrossAttention, x: torch.Tensor, context: torch.Tensor | None = None, **_: object
) -> torch.Tensor:
    """The layer's own arithmetic without its table of every pixel by every pixel, a gigabyte at 512×512.

    :param x: [B, pixels, width].
    :param context: [B, tokens, context's width]; None: the pixels look at each other.
    """
    context = x if context is None else context
    projected = layer.to_q(x), layer.to_k(context), layer.to_v(context)
    query, key, value = (each.unflatten(-1, (layer.heads, -1)).transpose(1, 2) for each in projected)
    attended = nn.functional.scaled_dot_product_attention(query, key, value)
    return layer.to_out(attended.transpose(1, 2).flatten(2))


def _blocks(shapes: Shapes, prefix: str) -> list[TimestepEmbedSequential]:
    return [_block(shapes, f"{prefix}.{index}") for index in _indices(shapes, prefix)]


def _block(shapes: Shapes, prefix: str) -> TimestepEmbedSequential:
    return TimestepEmbedSequential(*(_layer(shapes, f"{prefix}.{index}") for index in _indices(shapes, prefix)))


def _layer(shapes: Shapes, prefix: str) -> nn.Module:
    """What a layer is can be told from the names of its tensors."""
    inside = {name[len(prefix) + 1 :]: shape for name, shape in shapes.items() if name.startswith(prefix + ".")}
    if convolution := inside.get("in_layers.2.weight"):
        embedding = inside["emb_layers.1.weight"][1]
        return ResBlock(convolution[1], embedding, dropout=0, out_channels=convolution[0])
    if convolution := inside.get("op.weight"):
        return Downsample(convolution[1], use_conv=True, out_channels=convolution[0])
    if convolution := inside.get("conv.weight"):
        return Upsample(convolution[1], use_conv=True, out_channels=convolution[0])
    if projection := inside.get("proj_in.weight"):
        context = inside["transformer_blocks.0.attn2.to_k.weight"][1]
        return SpatialTransformer(
            projection[1], HEADS, projection[0] // HEADS, context_dim=context, use_checkpoint=False
        )
    return nn.Conv2d(inside["weight"][1], inside["weight"][0], 3, padding=1)


def _indices(shapes: Shapes, prefix: str) -> list[int]:
    depth = prefix.count(".") + 1
    return sorted({int(name.split(".")[depth]) for name in shapes if name.startswith(prefix + ".")})

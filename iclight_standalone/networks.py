"""A checkpoint's three networks, at the widths that its tensors have."""

from __future__ import annotations

import functools
import gzip
import importlib.util
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
from ldm.modules.attention import CrossAttention
from ldm.modules.diffusionmodules import openaimodel as ldm
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer
from transformers.convert_slow_tokenizer import bytes_to_unicode

from lib_iclight.errors import ICLightError

Tensors = Mapping[str, Tensor]
"""By name, without the part's prefix: the UNet's and the VAE's as ldm, the text model's as transformers names them."""

UNET_HEADS, CLIP_HEAD_WIDTH = 8, 64
"""Attention heads of every SD 1 UNet, and the width of one head in CLIP: no tensor's shape tells them."""

SCALING = 0.18215
"""What SD 1 multiplies the VAE's latents by, to bring them to unit variance."""

WINDOW = 75
"""Tokens of a prompt that CLIP reads at once, between its start and its end."""


class _Width(int):
    """A level's width for ldm's `channel_mult`: multiplied by the first level's width, it stays what it is."""

    def __mul__(self, first: int) -> int:
        return int(self)

    __rmul__ = __mul__


class Unet(ldm.UNetModel):
    """CompVis's own UNet."""

    def __init__(self, tensors: Tensors) -> None:
        first = tensors["input_blocks.0.0.weight"]
        widths = [len(tensors[f"input_blocks.{block}.0.out_layers.3.weight"]) for block in (1, 4, 7, 10)]
        super().__init__(
            image_size=None,
            in_channels=first.shape[1],
            model_channels=len(first),
            out_channels=4,
            num_res_blocks=2,
            attention_resolutions=(1, 2, 4),
            channel_mult=[_Width(width) for width in widths],
            num_heads=UNET_HEADS,
        )
        # The constructor makes transformers only where omegaconf is installed: here they replace its plain attention.
        context = tensors["input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"].shape[1]
        for block in (*self.input_blocks, self.middle_block, *self.output_blocks):
            for index, layer in enumerate(block):
                if isinstance(layer, ldm.AttentionBlock):
                    heads = (UNET_HEADS, layer.channels // UNET_HEADS)
                    block[index] = ldm.SpatialTransformer(
                        layer.channels, *heads, context_dim=context, use_checkpoint=False
                    )
        for module in self.modules():
            if isinstance(module, CrossAttention):
                _replace_forward(module, _attention)
            elif isinstance(module, nn.GroupNorm):
                _replace_forward(module, _group_norm)
        self.load_state_dict(tensors)

    def forward(self, x: Tensor, timesteps: Tensor, context: Tensor) -> Tensor:
        """Predict the noise in latents of any size from 1 up.

        :param x: [B, C, H/8, W/8], already scaled, the condition's channels included.
        :param timesteps: [B], 0…999.
        :param context: the prompt, [B, 77 · n, width].
        :returns: [B, 4, H/8, W/8].
        """
        embedding = self.time_embed(ldm.timestep_embedding(timesteps, self.model_channels))
        skips = []
        for block in self.input_blocks:
            x = block(x, embedding, context)
            skips.append(x)
        x = self.middle_block(x, embedding, context)
        for block in self.output_blocks:
            x = torch.cat([x, skips.pop()], dim=1)
            for layer in block:
                if isinstance(layer, ldm.Upsample):  # to the skip's size, which needn't be twice as large
                    x = layer.conv(nn.functional.interpolate(x, size=skips[-1].shape[-2:], mode="nearest"))
                else:
                    x = ldm.TimestepEmbedSequential(layer)(x, embedding, context)
        return self.out(x)


def _replace_forward(module: Any, forward: Callable[..., Tensor]) -> None:
    """On this one module, by a function that takes the module first."""
    module.forward = functools.partial(forward, module)


def _group_norm(self: nn.GroupNorm, x: Tensor) -> Tensor:
    """GroupNorm without PyTorch's refusal of groups of one value, which narrow networks have at 64×64 pixels."""
    return torch.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)


def _attention(layer: CrossAttention, x: Tensor, context: Tensor | None = None) -> Tensor:
    """Attention by the layer's weights, without the whole attention matrix in memory: a gigabyte at 512×512.

    :param x: [B, pixels, width]; they look at the context, [B, tokens, context's width], or at each other.
    """
    context = x if context is None else context
    projected = layer.to_q(x), layer.to_k(context), layer.to_v(context)
    heads = (each.unflatten(-1, (layer.heads, -1)).transpose(1, 2) for each in projected)
    attended = nn.functional.scaled_dot_product_attention(*heads)
    return layer.to_out(attended.transpose(1, 2).flatten(2))


class FirstStage(AutoencoderKL):
    """diffusers' VAE, between -1…1 and unscaled latents."""

    @classmethod
    def from_tensors(cls, tensors: Tensors) -> FirstStage:
        """The VAE with these weights."""
        config = vae_config(tensors)
        vae = cls(**config)
        vae.load_state_dict(convert_ldm_vae_checkpoint(dict(tensors), config))
        return vae

    def encode(self, pixels: Tensor) -> Tensor:
        """[B, 3, H, W] in -1…1 to [B, 4, H/8, W/8], drawn from the posterior by the global random state."""
        return super().encode(pixels).latent_dist.sample()

    def encode_mode(self, pixels: Tensor) -> Tensor:
        """The same without chance: the posterior's mode."""
        return super().encode(pixels).latent_dist.mode()

    def process_in(self, latent: Tensor) -> Tensor:
        """Scale the VAE's latents to those that the UNet takes."""
        return latent * SCALING


def vae_config(tensors: Tensors) -> dict[str, Any]:
    """The settings of `AutoencoderKL`."""
    return {
        "block_out_channels": [len(tensors[f"encoder.down.{level}.block.0.conv1.weight"]) for level in range(4)],
        "layers_per_block": 2,
        "latent_channels": 4,
        "down_block_types": ["DownEncoderBlock2D"] * 4,
        "up_block_types": ["UpDecoderBlock2D"] * 4,
    }


class TextEncoder(nn.Module):
    """CLIP's text model and its tokenizer."""

    def __init__(self, tensors: Tensors) -> None:
        super().__init__()
        tensors = {name.removeprefix("text_model."): tensor for name, tensor in tensors.items()}
        tensors.pop("embeddings.position_ids", None)
        words, width = tensors["embeddings.token_embedding.weight"].shape
        config = CLIPTextConfig(
            vocab_size=words,
            hidden_size=width,
            intermediate_size=len(tensors["encoder.layers.0.mlp.fc1.weight"]),
            num_hidden_layers=sum(name.endswith("mlp.fc1.weight") for name in tensors),
            num_attention_heads=width // CLIP_HEAD_WIDTH,
        )
        self.transformer = CLIPTextModel(config)
        self.transformer.text_model.load_state_dict(tensors)
        self.tokenizer = load_tokenizer()

    def forward(self, prompt: str) -> Tensor:
        """Encode a prompt, [1, 77 · windows, width]: tokens beyond one window go into further ones."""
        start, end = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        tokens = self.tokenizer(prompt, add_special_tokens=False)["input_ids"] or [end]
        tokens += [end] * (-len(tokens) % WINDOW)
        windows = [[start, *tokens[first : first + WINDOW], end] for first in range(0, len(tokens), WINDOW)]
        return self.transformer(torch.tensor(windows)).last_hidden_state.flatten(0, 1)[None]


def load_tokenizer() -> CLIPTokenizer:
    """CLIP's tokenizer, from the vocabulary in open-clip-torch's wheel. (The package itself is not imported.)

    :raises ICLightError: open-clip-torch is not installed.
    """
    found = importlib.util.find_spec("open_clip")
    if found is None or found.origin is None:
        raise ICLightError("CLIP's vocabulary is missing: install open-clip-torch, without its dependencies.")
    packed = Path(found.origin).with_name("bpe_simple_vocab_16e6.txt.gz").read_bytes()
    lines = gzip.decompress(packed).decode("utf-8").split("\n")
    letters = list(bytes_to_unicode().values())
    used = 49152 - len(letters) - 2  # CLIP's own bound; the rest of the list is not used
    merges = lines[: used + 1]  # the first line is a heading
    words = [*letters, *(letter + "</w>" for letter in letters), *(merge.replace(" ", "") for merge in merges[1:])]
    words += ["<|startoftext|>", "<|endoftext|>"]
    with tempfile.TemporaryDirectory() as folder:
        vocabulary, list_of_merges = Path(folder, "vocab.json"), Path(folder, "merges.txt")
        vocabulary.write_text(json.dumps({word: number for number, word in enumerate(words)}), encoding="utf-8")
        list_of_merges.write_text("\n".join(merges), encoding="utf-8")
        return CLIPTokenizer(str(vocabulary), str(list_of_merges))

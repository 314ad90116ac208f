"""The three networks before they are trained: SD 1.5's topology under a checkpoint's names, with narrow widths."""

from __future__ import annotations

import contextlib
import io

import torch
from diffusers import UNet2DConditionModel
from ldm.modules.diffusionmodules.model import Decoder, Encoder
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from lib_iclight.embedded.networks import SCALING, TextEncoder, Unet
from lib_iclight.weights.keys import ldm_names

Tensors = dict[str, Tensor]

CONTEXT = 64
"""Width of the text encoder: that of one of CLIP's heads."""

_UNET = {"block_out_channels": (64, 32, 32, 32), "cross_attention_dim": CONTEXT, "attention_head_dim": 8}
_VAE = {"ch": 64, "ch_mult": (1, 1, 1, 1), "num_res_blocks": 2, "attn_resolutions": [], "resolution": 64}
_VAE_SIDE = {"in_channels": 3, "out_ch": 3, "z_channels": 4}

_SILENT_AT_FIRST = ("out_layers.3.weight", "conv2.weight", "proj_out.weight", "out.2.weight")
"""Residuals begin with nothing to add, as ldm's own do: deep networks start to learn sooner."""


def new_unet() -> Unet:
    """For text to picture, with ldm's names."""
    unet = UNet2DConditionModel(**_UNET)
    names = ldm_names(dict(unet.named_parameters()))
    tensors = {names[name]: parameter.detach() for name, parameter in unet.named_parameters()}
    _silence(tensors)
    return Unet(tensors)


def _silence(tensors: Tensors) -> None:
    for name, tensor in tensors.items():
        if name.endswith(_SILENT_AT_FIRST):
            tensor.zero_()


def widened(tensors: Tensors, channels: int) -> Tensors:
    """The same UNet with more input channels that it doesn't look at yet.

    :param channels: 8 for a subject, 12 for subject and background.
    """
    first = tensors["input_blocks.0.0.weight"]
    wide = torch.zeros(len(first), channels, 3, 3)
    wide[:, : first.shape[1]] = first
    return {**tensors, "input_blocks.0.0.weight": wide}


def diffusers_names(tensors: Tensors) -> Tensors:
    """A UNet's tensors under the names that IC-Light's files have."""
    with torch.device("meta"):
        names = list(dict(UNet2DConditionModel(**_UNET).named_parameters()))
    return {name: tensors[ldm_name] for name, ldm_name in ldm_names(dict.fromkeys(names)).items()}


def new_text_encoder() -> TextEncoder:
    """CLIP's text model with two narrow layers and its whole vocabulary."""
    config = CLIPTextConfig(
        vocab_size=49408,
        hidden_size=CONTEXT,
        intermediate_size=2 * CONTEXT,
        num_hidden_layers=2,
        num_attention_heads=1,
    )
    return TextEncoder(CLIPTextModel(config).state_dict())


def encode_texts(encoder: TextEncoder, texts: list[str], device: torch.device) -> Tensor:
    """[B, 77, CONTEXT]; each is one window long."""
    tokenizer = encoder.tokenizer
    tokens = tokenizer(texts, padding="max_length", max_length=77, truncation=True, return_tensors="pt")["input_ids"]
    return encoder.transformer(tokens.to(device)).last_hidden_state


class TrainableVAE(nn.Module):
    """CompVis's autoencoder under a checkpoint's names."""

    def __init__(self) -> None:
        super().__init__()
        with contextlib.redirect_stdout(io.StringIO()):  # it tells about its attention
            self.encoder, self.decoder = Encoder(**_VAE, **_VAE_SIDE), Decoder(**_VAE, **_VAE_SIDE)
        self.quant_conv, self.post_quant_conv = nn.Conv2d(8, 8, 1), nn.Conv2d(4, 4, 1)
        with torch.no_grad():
            _silence(dict(self.named_parameters()))
            self.quant_conv.bias[4:] = -4  # a posterior that doesn't drown the picture in noise from the start

    def forward(self, pixels: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Encode, draw, decode.

        :param pixels: [B, 3, H, W] in -1…1.
        :param noise: [B, 4, H/8, W/8], what is drawn from the posterior, of standard deviation 1.
        :returns: pixels again, and the posterior's mean and logarithm of its variance.
        """
        mean, log_variance = self.quant_conv(self.encoder(pixels)).chunk(2, dim=1)
        log_variance = log_variance.clamp(-30, 20)
        latent = mean + noise * (0.5 * log_variance).exp()
        return self.decoder(self.post_quant_conv(latent)), mean, log_variance

    @torch.no_grad()
    def normalise(self, mean: Tensor, deviation: Tensor) -> None:
        """Bring the latents that the UNet sees to mean 0 and variance 1, without changing what is decoded.

        :param mean: of the unscaled latents' channels as they are, [4]; likewise deviation.
        """
        gain = 1 / (SCALING * deviation)
        self.quant_conv.bias[:4] -= mean
        self.quant_conv.bias[:4] *= gain
        self.quant_conv.weight[:4] *= gain[:, None, None, None]
        self.quant_conv.bias[4:] += 2 * gain.log()
        self.post_quant_conv.bias += self.post_quant_conv.weight[:, :, 0, 0] @ mean
        self.post_quant_conv.weight /= gain[None, :, None, None]

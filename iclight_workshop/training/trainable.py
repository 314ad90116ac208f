"""The three networks before they are trained: SD 1.5's topology under a checkpoint's names, with narrow widths.

Stable Diffusion normalises in 32 groups. Where a network is 32 or 64 channels wide, a group is one channel or two, and
how bright or colourful a picture is as a whole is normalised away: the networks can't learn it. So they are trained as
if what keeps the normalisation from dividing by zero, its epsilon, were 1 (0.1 in the UNet's transformers), which
leaves sizes alone that are below 1. A network with a large epsilon is the same as one with a small epsilon whose
activations are smaller by its root: :func:`scale_to_real_epsilon` turns one into the other when weights are written.
"""

from __future__ import annotations

import contextlib
import io
import re
from typing import TypeVar

import torch
from diffusers import UNet2DConditionModel
from ldm.modules.diffusionmodules.model import Decoder, Encoder
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel

from iclight_standalone.networks import SCALING, TextEncoder, Unet
from lib_iclight.weights.keys import ldm_names

Tensors = dict[str, Tensor]
_Network = TypeVar("_Network", bound=nn.Module)

CONTEXT = 64
"""Width of the text encoder: that of one of CLIP's heads."""

_UNET = {"block_out_channels": (64, 32, 32, 32), "cross_attention_dim": CONTEXT, "attention_head_dim": 8}
_VAE = {"ch": 64, "ch_mult": (1, 1, 1, 1), "num_res_blocks": 2, "attn_resolutions": [], "resolution": 64}
_VAE_SIDE = {"in_channels": 3, "out_ch": 3, "z_channels": 4}

_UNET_GAIN, _VAE_GAIN = 1e5, 1e6
"""The epsilon in training over the real one: ldm has 1e-5 in the UNet (1e-6 in its transformers), 1e-6 in the VAE."""

_SCALED = re.compile(
    r"(.*\.)?(conv_in|conv1|conv2|proj_out|in_layers\.2|out_layers\.3|emb_layers\.1)\.(weight|bias)|input_blocks\.0\.0\..*"
)
"""Layers that take the picture or normalised activations, and whose output is normalised later: it gets smaller with
their weights and biases."""

_BIAS_SCALED = re.compile(r"(.*\.)?(nin_shortcut|skip_connection|op|(down|up)sample\.conv|[12]\.conv)\.bias")
"""Layers that pass such activations on: what they take is smaller already, so only their biases are scaled."""

_SILENT_AT_FIRST = ("out_layers.3.weight", "conv2.weight", "proj_out.weight", "out.2.weight")
"""Last layers of residual branches. They begin at zero, as ldm's own do: deep networks start to learn sooner."""


def make_unet() -> Unet:
    """For text to picture, with ldm's names."""
    unet = UNet2DConditionModel(**_UNET)
    names = ldm_names(dict(unet.named_parameters()))
    tensors = {names[name]: parameter.detach() for name, parameter in unet.named_parameters()}
    _silence(tensors)
    return enlarge_epsilon(Unet(tensors))


def enlarge_epsilon(network: _Network) -> _Network:
    """Give a network the epsilon that it is trained with."""
    gain = _VAE_GAIN if isinstance(network, TrainableVAE) else _UNET_GAIN
    for module in network.modules():
        if isinstance(module, nn.GroupNorm):
            module.eps *= gain
    return network


def scale_to_real_epsilon(network: nn.Module) -> Tensors:
    """Weights with which a network with the real epsilon computes what this trained one does."""
    scale = (_VAE_GAIN if isinstance(network, TrainableVAE) else _UNET_GAIN) ** -0.5
    return {
        name: tensor * scale if _SCALED.fullmatch(name) or _BIAS_SCALED.fullmatch(name) else tensor.clone()
        for name, tensor in network.state_dict().items()
    }


def _silence(tensors: Tensors) -> None:
    for name, tensor in tensors.items():
        if name.endswith(_SILENT_AT_FIRST):
            tensor.zero_()


def widen(tensors: Tensors, channels: int) -> Tensors:
    """The same UNet with more input channels that it doesn't look at yet.

    :param channels: 8 for a subject, 12 for subject and background.
    """
    first = tensors["input_blocks.0.0.weight"]
    wide = torch.zeros(len(first), channels, 3, 3)
    wide[:, : first.shape[1]] = first
    return {**tensors, "input_blocks.0.0.weight": wide}


def to_diffusers_names(tensors: Tensors) -> Tensors:
    """A UNet's tensors under the names that IC-Light's files have."""
    with torch.device("meta"):
        names = list(dict(UNet2DConditionModel(**_UNET).named_parameters()))
    return {name: tensors[ldm_name] for name, ldm_name in ldm_names(dict.fromkeys(names)).items()}


def make_text_encoder() -> TextEncoder:
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
            # a posterior that doesn't drown the picture in noise from the start
            self.get_parameter("quant_conv.bias")[4:] = -4
        enlarge_epsilon(self)

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
        bias, post_bias = self.get_parameter("quant_conv.bias"), self.get_parameter("post_quant_conv.bias")
        bias[:4] -= mean
        bias[:4] *= gain
        self.quant_conv.weight[:4] *= gain[:, None, None, None]
        bias[4:] += 2 * gain.log()
        post_bias.add_(self.post_quant_conv.weight[:, :, 0, 0] @ mean)
        self.post_quant_conv.weight /= gain[None, :, None, None]

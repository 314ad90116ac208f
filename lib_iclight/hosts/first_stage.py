"""Encoding by a host's own VAE, so that the posterior's mode comes out whatever the host would draw."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from . import VAE, Encoded


class FirstStageVAE(VAE):
    """See :class:`lib_iclight.hosts.VAE`. Holds nothing.

    The host's `vae.encode` is called as ever, so that it loads, tiles and unloads the network as it always does: a
    clone of the VAE would be another entry in the list of loaded models, and hold its weights on the graphics card
    while the UNet samples. Only the network's own `encode` is exchanged, on this instance and for this call.
    """

    def __init__(self, always_in_tiles: Callable[[], bool]) -> None:
        """:param always_in_tiles: asked each time whether the host is set to encode in tiles."""
        self._always_in_tiles = always_in_tiles

    def network(self, sd_model: Any) -> Any:
        return sd_model.forge_objects.vae.first_stage_model

    def encodes_in_tiles(self) -> bool:
        return self._always_in_tiles()

    @torch.inference_mode()
    def encode(self, sd_model: Any, pixels: torch.Tensor) -> Encoded:
        vae = sd_model.forge_objects.vae
        with _posterior_mode(vae.first_stage_model) as sizes:
            latent = vae.encode(pixels)
        in_tiles = any(size != pixels.shape[1:3] for size in sizes)
        return Encoded(_scaling(sd_model)(latent).float().cpu(), in_tiles)


def _scaling(sd_model: Any) -> Callable[[torch.Tensor], torch.Tensor]:
    """What takes a latent to the UNet's scale: a method of the network in `backend`, of the checkpoint's latent format
    in `ldm_patched`."""
    network = sd_model.forge_objects.vae.first_stage_model
    if hasattr(network, "process_in"):
        return network.process_in
    return sd_model.forge_objects.unet.model.model_config.latent_format.process_in


@contextmanager
def _posterior_mode(network: Any) -> Iterator[list[torch.Size]]:
    """While it is open, the network's `encode` gives the posterior's mode, which is its mean: the first half of the
    channels (`DiagonalGaussianDistribution` in CompVis's `ldm/modules/distributions/distributions.py`).

    :returns: the height and width of each input that comes by.
    """
    sizes: list[torch.Size] = []

    def encode(pixels: torch.Tensor, *_: Any) -> torch.Tensor:
        sizes.append(pixels.shape[-2:])
        moments = network.encoder(pixels)
        if getattr(network, "quant_conv", None) is not None:
            moments = network.quant_conv(moments)
        return moments.chunk(2, dim=1)[0]

    own = vars(network).get("encode")  # another extension's, as a rule nobody's
    network.encode = encode
    try:
        yield sizes
    finally:
        del network.encode
        if own is not None:
            network.encode = own

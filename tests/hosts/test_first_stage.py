"""Encoding by a host's own VAE."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch

from lib_iclight.hosts.first_stage import FirstStageVAE


class Network(torch.nn.Module):
    """The host's network: moments of eight channels, from which it draws a sample."""

    def __init__(self, has_quant_conv: bool = True) -> None:
        super().__init__()
        self.encoder = torch.nn.Conv2d(3, 8, 8, stride=8)
        self.quant_conv = torch.nn.Conv2d(8, 8, 1) if has_quant_conv else None

    def encode(self, pixels: torch.Tensor, regulation: Any = None) -> torch.Tensor:
        mean, log_variance = self.moments(pixels).chunk(2, dim=1)
        return mean + torch.randn_like(mean) * (0.5 * log_variance).exp()

    def moments(self, pixels: torch.Tensor) -> torch.Tensor:
        moments = self.encoder(pixels)
        return moments if self.quant_conv is None else self.quant_conv(moments)

    def process_in(self, latent: torch.Tensor) -> torch.Tensor:
        return latent * 0.5


class HostVAE:
    """As the hosts' VAEs are: `encode` maps 0…1 to -1…1, and may go through the picture in tiles."""

    def __init__(self, network: Network, tile: int | None = None, arguments: tuple[Any, ...] = ()) -> None:
        self.first_stage_model = network
        self.tile = tile
        self.arguments = arguments

    def encode(self, pixels: torch.Tensor) -> torch.Tensor:
        whole = 2 * pixels.movedim(-1, 1) - 1
        tiles = whole.split(self.tile or whole.shape[-1], dim=-1)
        return torch.cat([self.first_stage_model.encode(tile, *self.arguments) for tile in tiles], dim=-1)


def a_model(**how: Any) -> Any:
    network = Network(how.pop("has_quant_conv", True)).eval()
    return SimpleNamespace(forge_objects=SimpleNamespace(vae=HostVAE(network, **how)))


PIXELS = torch.rand(1, 16, 32, 3, generator=torch.Generator().manual_seed(0))


def mode_of(sd_model: Any) -> torch.Tensor:
    network = sd_model.forge_objects.vae.first_stage_model
    return network.process_in(network.moments(2 * PIXELS.movedim(-1, 1) - 1).chunk(2, dim=1)[0]).detach()


@pytest.mark.parametrize("has_quant_conv", [True, False])
@pytest.mark.parametrize("arguments", [(), (None,)], ids=["", "with a regulation, as on Forge"])
def test_the_posteriors_mode_comes_out(has_quant_conv: bool, arguments: tuple[Any, ...]) -> None:
    sd_model = a_model(has_quant_conv=has_quant_conv, arguments=arguments)
    encoded = FirstStageVAE(lambda: False).encode(sd_model, PIXELS)
    assert torch.allclose(encoded.latent, mode_of(sd_model), atol=1e-6)
    assert encoded.latent.dtype == torch.float32 and not encoded.in_tiles


def test_tiles_give_the_mode_too_and_are_told() -> None:
    sd_model = a_model(tile=16)
    encoded = FirstStageVAE(lambda: True).encode(sd_model, PIXELS)
    assert torch.allclose(encoded.latent, mode_of(sd_model), atol=1e-6) and encoded.in_tiles


def test_the_random_state_stays() -> None:
    sd_model = a_model(tile=16)
    before = torch.get_rng_state()
    FirstStageVAE(lambda: False).encode(sd_model, PIXELS)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_networks_own_encode_is_back_after_the_call() -> None:
    sd_model = a_model()
    network = sd_model.forge_objects.vae.first_stage_model
    FirstStageVAE(lambda: False).encode(sd_model, PIXELS)
    assert "encode" not in vars(network)
    with pytest.raises(RuntimeError):
        FirstStageVAE(lambda: False).encode(sd_model, torch.zeros(1, 16, 16, 7))
    assert "encode" not in vars(network)
    network.encode = anothers = lambda pixels: pixels
    FirstStageVAE(lambda: False).encode(sd_model, PIXELS)
    assert network.encode is anothers


def test_the_hosts_own_vae_is_asked() -> None:
    """A clone would be another model to the host's memory management, and stay on the graphics card."""
    sd_model = a_model()
    asked: list[Any] = []
    vae = sd_model.forge_objects.vae
    own = vae.encode
    vae.encode = lambda pixels: (asked.append(vae), own(pixels))[1]
    FirstStageVAE(lambda: False).encode(sd_model, PIXELS)
    assert asked == [vae]

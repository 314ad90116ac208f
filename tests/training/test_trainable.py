"""What is written is what was trained."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from iclight_standalone.networks import SCALING, FirstStage, Unet
from iclight_workshop.training.trainable import TrainableVAE, enlarge_epsilon, make_unet, scale_to_real_epsilon, widen

pytestmark = pytest.mark.long


def shuffled(network: nn.Module) -> nn.Module:
    """No weight as it began: what is silent at first would hide mistakes."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return network


@torch.inference_mode()
def test_a_unet_is_the_same_with_the_real_epsilon() -> None:
    trained = shuffled(enlarge_epsilon(Unet(widen(make_unet().state_dict(), 8))))
    written = Unet(scale_to_real_epsilon(trained))
    given = torch.randn(2, 8, 16, 16), torch.tensor([20, 800]), torch.randn(2, 77, 64)
    expected = trained(*given)
    assert expected.std() > 0.1
    assert torch.allclose(written(*given), expected, atol=1e-4 * expected.std())


@torch.inference_mode()
def test_a_vae_is_the_same_with_the_real_epsilon() -> None:
    trained = shuffled(TrainableVAE())
    written = FirstStage.from_tensors(scale_to_real_epsilon(trained))
    pixels = 2 * torch.rand(1, 3, 64, 64) - 1
    decoded, mean, _ = trained(pixels, torch.zeros(1, 4, 8, 8))
    assert torch.allclose(written.encode_mode(pixels), mean, atol=1e-4 * mean.std())
    assert torch.allclose(written.decode(mean).sample, decoded, atol=1e-4 * decoded.std())


@torch.inference_mode()
def test_latents_are_brought_to_unit_variance() -> None:
    vae = shuffled(TrainableVAE())
    pixels = 2 * torch.rand(4, 3, 64, 64) - 1
    before, mean, log_variance = vae(pixels, torch.zeros(4, 4, 8, 8))
    vae.normalise(mean.mean(dim=(0, 2, 3)), mean.std(dim=(0, 2, 3)))
    after, scaled, spread = vae(pixels, torch.zeros(4, 4, 8, 8))
    assert torch.allclose(after, before, atol=1e-3)
    assert torch.allclose((SCALING * scaled).std(dim=(0, 2, 3)), torch.ones(4), atol=1e-3)
    assert torch.allclose(
        (spread - log_variance).mean(dim=(0, 2, 3)),
        2 * (scaled.std(dim=(0, 2, 3)) / mean.std(dim=(0, 2, 3))).log(),
        atol=1e-2,
    )

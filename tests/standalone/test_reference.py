"""The reference's own arithmetic."""

from __future__ import annotations

from pathlib import Path

import torch

from iclight_standalone import reference
from tests.tiny import write_models


def test_in_float64_it_is_the_network_in_float64(tmp_path: Path) -> None:
    models = write_models(tmp_path)
    unet = reference.relighting_unet(models.checkpoint, models.foreground)
    generator = torch.Generator().manual_seed(0)
    scaled = torch.randn(2, 4, 16, 16, generator=generator)
    context = torch.randn(2, 77, unet.config.cross_attention_dim, generator=generator)
    condition = torch.randn(1, 4, 16, 16, generator=generator)
    timesteps = torch.tensor([600, 600])
    narrow, wide = (reference.Denoiser(models.checkpoint, models.foreground, in_float64=each) for each in (False, True))
    before = narrow.epsilon_of_scaled(scaled, timesteps, context, condition)
    given = wide.epsilon_of_scaled(scaled, timesteps, context, condition)
    assert torch.equal(narrow.epsilon_of_scaled(scaled, timesteps, context, condition), before), "nothing stays"
    assert before.dtype == torch.float32 and 0 < reference.relative_error(before, given) < 1e-5
    with torch.inference_mode():
        whole = torch.cat([scaled, condition.repeat(2, 1, 1, 1)], dim=1).double()
        expected = unet.double()(whole, timesteps, context.double()).sample
    assert torch.equal(given, expected)

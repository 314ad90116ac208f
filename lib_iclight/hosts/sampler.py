"""The samplers that all web UIs of the family share (`modules/sd_samplers_common.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch


@contextmanager
def keep_latent_in_mask(p: Any, latent: torch.Tensor) -> Iterator[None]:
    """While it is open: what a mask keeps is this latent, whatever the pass starts from.

    `sample_img2img` takes one latent for both; the sampler's denoiser is told the other one just before it runs.
    """
    if getattr(p, "mask", None) is None:
        yield
        return
    sampler = p.sampler
    launch = sampler.launch_sampling

    def launch_with_kept(steps: int, run: Callable[[], torch.Tensor]) -> torch.Tensor:
        sampler.model_wrap_cfg.init_latent = latent
        return launch(steps, run)

    sampler.launch_sampling = launch_with_kept
    try:
        yield
    finally:
        sampler.launch_sampling = launch

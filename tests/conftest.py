"""What several rooms' tests need: small UNets' names and shapes, and IC-Light files made of them."""

from __future__ import annotations

import functools
import os
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, settings
from safetensors.torch import save_file

if "PYTEST_XDIST_WORKER" in os.environ:
    torch.set_num_threads(1)  # each worker has one core; and with models this small threads mostly wait

# Both cores may be busy with something else: a slow example is no wrong one.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

NARROW = {"block_out_channels": (32, 64, 128, 128), "cross_attention_dim": 32, "attention_head_dim": 8}
"""SD 1.5's UNet for diffusers, at a tenth of its width."""

TINY = {**NARROW, "block_out_channels": (8, 16, 32, 32), "cross_attention_dim": 16, "norm_num_groups": 8}
"""Narrower still, for tests that need its names only."""

FIRST_CONVOLUTION = {"diffusers": "conv_in.weight", "ldm": "input_blocks.0.0.weight"}


def diffusers_unet(**config: Any) -> torch.nn.Module:
    """A UNet with random weights, at 32 channels if nothing else is said."""
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(**{**NARROW, **config}).eval()


def ldm_unet(**config: Any) -> torch.nn.Module:
    """CompVis's own UNet for SD 1.5, 32 channels wide if nothing else is said."""
    with _omegaconf():
        from ldm.modules.diffusionmodules.openaimodel import UNetModel

        sd15 = {
            "image_size": 32,
            "in_channels": 4,
            "out_channels": 4,
            "model_channels": 32,
            "attention_resolutions": [4, 2, 1],
            "num_res_blocks": 2,
            "channel_mult": [1, 2, 4, 4],
            "num_heads": 8,
            "use_spatial_transformer": True,
            "transformer_depth": 1,
            "context_dim": 32,
            "use_checkpoint": False,
            "legacy": False,
        }
        return UNetModel(**{**sd15, **config}).eval()


@contextmanager
def _omegaconf() -> Iterator[None]:
    """ldm's UNet asks whether its `context_dim` is one of omegaconf's lists; without omegaconf it never is."""
    try:
        import omegaconf  # noqa: F401
    except ImportError:
        lists = types.ModuleType("omegaconf.listconfig")
        lists.ListConfig = type("ListConfig", (list,), {})
        stood_in = {"omegaconf": types.ModuleType("omegaconf"), "omegaconf.listconfig": lists}
        sys.modules.update(stood_in)
        try:
            yield
        finally:
            for name in stood_in:
                del sys.modules[name]
    else:
        yield


@functools.lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """SD 1.5's 686 names: diffusers' to ldm's, paired by what diffusers' own converter makes of them."""
    from diffusers.loaders.single_file_utils import convert_ldm_unet_checkpoint

    unet = ldm_unet()
    numbered = {"model.diffusion_model." + name: torch.tensor(number) for number, name in enumerate(unet.state_dict())}
    config = {"layers_per_block": 2, "class_embed_type": None}
    ldm = list(unet.state_dict())
    return {name: ldm[int(number)] for name, number in convert_ldm_unet_checkpoint(numbered, config=config).items()}


@functools.lru_cache(maxsize=1)
def _tiny_shapes() -> dict[str, tuple[int, ...]]:
    with torch.device("meta"):
        return {name: tuple(tensor.shape) for name, tensor in diffusers_unet(**TINY).state_dict().items()}


@pytest.fixture(scope="session")
def ldm_by_diffusers() -> dict[str, str]:
    """ldm's name for each of diffusers' names of SD 1.5's tensors."""
    return dict(_names())


@pytest.fixture(scope="session")
def tiny_shapes() -> dict[str, tuple[int, ...]]:
    """The 686 shapes of a tiny SD 1.5 UNet, by ldm name."""
    return {_names()[name]: shape for name, shape in _tiny_shapes().items()}


def random_offsets(channels: int = 8, names: str = "diffusers", seed: int = 0) -> dict[str, torch.Tensor]:
    """Small fp16 differences for a tiny UNet, the first convolution widened, as the published files have them."""
    generator = torch.Generator().manual_seed(seed)
    shapes = _tiny_shapes() if names == "diffusers" else {_names()[name]: s for name, s in _tiny_shapes().items()}
    first = FIRST_CONVOLUTION[names]
    shapes = {**shapes, first: (shapes[first][0], channels, 3, 3)}
    return {name: (0.01 * torch.randn(shape, generator=generator)).to(torch.float16) for name, shape in shapes.items()}


@pytest.fixture
def write_offsets(tmp_path: Path) -> Callable[..., Path]:
    """Writes an IC-Light file for a tiny UNet into the test's folder."""

    def write(name: str = "fc.safetensors", *, change: Callable[[dict], dict | None] | None = None, **how: Any) -> Path:
        tensors = random_offsets(**how)
        tensors = (change and change(tensors)) or tensors
        save_file(tensors, tmp_path / name)
        return tmp_path / name

    return write


@pytest.fixture
def figure(request: pytest.FixtureRequest) -> Callable[[str, float], float]:
    """Note a measured figure for the run's closing lines."""

    def note(name: str, value: float) -> float:
        request.node.user_properties.append(("figure", f"{request.node.name}: {name} {value:.3g}"))
        return value

    return note


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the figures. They come with each test's report, from whichever process ran it."""
    reports = (report for each in terminalreporter.stats.values() for report in each)
    calls = [report for report in reports if getattr(report, "when", None) == "call"]
    figures = [text for report in calls for name, text in report.user_properties if name == "figure"]
    if figures:
        terminalreporter.section("measured")
        for line in figures:
            terminalreporter.write_line(line)

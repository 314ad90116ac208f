"""What the panel's tests lay into a models' folder."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

PUBLISHED = [f"iclight_sd15_{kind}.safetensors" for kind in ("fc", "fcon", "fbc")]


def put_model(folder: Path, name: str, channels: int) -> None:
    """The one tensor that a model's kind is told from."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({"input_blocks.0.0.weight": torch.zeros(8, channels, 3, 3)}, folder / name)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """A folder with one model of each kind, one of no kind, and one that is broken."""
    for name, channels in (("a_fbc.safetensors", 12), ("b_fc.safetensors", 8), ("c_other.safetensors", 9)):
        put_model(tmp_path, name, channels)
    (tmp_path / "d_broken.safetensors").write_bytes(b"x")
    return tmp_path

"""The small models are files like any other: what loads, checks and converts the real ones does so with these."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from iclight_standalone.model_files import SMALL
from iclight_workshop.training.measure import SceneRelighter
from iclight_workshop.training.world import Recipe
from lib_iclight.weights import kind_of
from lib_iclight.weights.__main__ import main as weights_command
from lib_iclight.weights.kind import Kind

FILES = {Kind.FOREGROUND: "iclight_sd15_fc.safetensors", Kind.BACKGROUND: "iclight_sd15_fbc.safetensors"}
MOST_BYTES = 25_000_000


def test_they_are_small() -> None:
    assert sum(path.stat().st_size for path in SMALL.rglob("*.safetensors")) <= MOST_BYTES
    unet = [
        tensor.numel()
        for name, tensor in load_file(SMALL / "small_sd15.safetensors").items()
        if name.startswith("model.diffusion_model.")
    ]
    assert sum(unet) <= 3_000_000


@pytest.mark.parametrize("kind", Kind)
def test_what_a_file_is_is_read_from_its_tensors(kind: Kind, tmp_path: Path) -> None:
    path = tmp_path / "renamed.safetensors"
    path.write_bytes((SMALL / "ic-light" / FILES[kind]).read_bytes())
    assert kind_of(path) is kind
    assert {tensor.dtype.itemsize for tensor in load_file(path).values()} == {2}  # fp16, as the published ones


def test_converted_they_relight_to_the_same_picture(tmp_path: Path) -> None:
    (tmp_path / "ic-light").mkdir()
    (tmp_path / "small_sd15.safetensors").write_bytes((SMALL / "small_sd15.safetensors").read_bytes())
    scene, pictures = Recipe(1).at(64), []
    for name in FILES.values():
        source, target = SMALL / "ic-light" / name, tmp_path / "ic-light" / name
        assert weights_command(["convert", str(source), str(target)]) == 0
        assert set(load_file(source)).isdisjoint(load_file(target))
    for folder in (SMALL, tmp_path):
        bench = SceneRelighter(folder, size=64, steps=2)
        wall = np.full((64, 64, 3), 90, np.uint8)
        pictures.append((bench.relight(scene, "left", "red light"), bench.relight_before(scene, wall, "")))
    for first, second in zip(*pictures, strict=True):
        assert np.array_equal(first, second)

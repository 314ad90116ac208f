"""The whole training, as short as it can be: what it leaves is loaded and relights as any other model does."""

from __future__ import annotations

from pathlib import Path

import pytest
from safetensors.torch import load_file

from lib_iclight.embedded.webui import WebUI
from training.__main__ import Schedule, run
from training.data import Part
from training.stages import Plan
from training.world import AMBIENT, Recipe

SHORT = Schedule(
    (Part(64, 4, 0, 2), Part(72, 3, 100, 2)),
    vae=Plan("vae", 2, 1e-3),
    base=Plan("base", 2, 1e-3),
    fc=(Plan("fc", 2, 1e-3), Plan("fc-fine", 2, 1e-3)),
    fbc=(Plan("fbc", 2, 1e-3), Plan("fbc-fine", 2, 1e-3)),
)
FILES = ("small_sd15.safetensors", "iclight_sd15_fc.safetensors", "iclight_sd15_fbc.safetensors")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    run(folder, seed=1, schedule=SHORT)
    return folder


def test_what_it_leaves_relights(trained: Path) -> None:
    webui = WebUI(trained / FILES[0], [trained])
    scene = Recipe(5).at(64)
    tab = {"prompt": "red light", "steps": 1, "width": 64, "height": 64}
    request = {"subject": scene.over(scene.subject(AMBIENT), 127), "cutout": "none"}
    for more in ({"model": FILES[1], "light": "left"}, {"model": FILES[2], "background": "left"}):
        images, _ = webui.txt2img({**tab, "alwayson_scripts": {"IC Light": {"args": [{**request, **more}]}}})
        assert images[0].size == (64, 64)


def test_a_finished_training_is_not_done_again(trained: Path) -> None:
    before = {name: load_file(trained / name) for name in FILES}
    log = (trained / "log.jsonl").read_bytes()
    run(trained, seed=1, schedule=SHORT)
    for name, tensors in before.items():
        after = load_file(trained / name)
        assert all((tensors[key] == after[key]).all() for key in tensors)
    assert (trained / "log.jsonl").read_bytes() == log


def test_a_seed_gives_the_same_files(trained: Path, tmp_path: Path) -> None:
    run(tmp_path, seed=1, schedule=SHORT)
    for name in FILES:
        first, second = load_file(trained / name), load_file(tmp_path / name)
        assert all((first[key] == second[key]).all() for key in first)

"""What a wheel holds is enough, outside the repository."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from .conftest import portrait

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.long

PROGRAM = """
import importlib, sys
from pathlib import Path
folder, module, *arguments = sys.argv[1:]
command = importlib.import_module(module)
for name in ("lib_iclight", "iclight_standalone"):
    package = importlib.import_module(name)
    assert Path(package.__file__).is_relative_to(folder), package.__file__
sys.exit(command.main(arguments))
"""


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel's packages and nothing else."""
    wheels, folder = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("packages")
    pip = [sys.executable, "-m", "pip", "--quiet", "--no-input", "--disable-pip-version-check"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", wheels, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = wheels.iterdir()
    subprocess.run([*pip, "install", "--no-deps", "--no-index", "--target", folder, wheel], check=True)
    return folder


def run(packages: Path, where: Path, module: str, *arguments: str) -> str:
    """What a command says that runs from the folder's packages, in a process and a working folder of its own."""
    command = [sys.executable, "-c", PROGRAM, packages, module, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(packages)}
    done = subprocess.run(command, cwd=where, env=environment, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_it_lists_every_model_that_can_be_fetched(packages: Path, tmp_path: Path) -> None:
    said = run(packages, tmp_path, "lib_iclight.weights.__main__", "list")
    files = json.loads((ROOT / "models_manifest.json").read_text(encoding="utf-8"))["files"]
    assert files and all(file["name"] in said for file in files)


def test_it_relights(packages: Path, tmp_path: Path) -> None:
    portrait().save(tmp_path / "photo.png")
    size = ["--steps", "1", "--width", "64", "--height", "64"]
    run(packages, tmp_path, "iclight_standalone.__main__", "photo.png", "--small", "--cutout", "none", *size)
    assert Image.open(tmp_path / "outputs" / "relit" / "photo.png").size == (64, 64)


def test_it_brings_no_package_but_these_two(packages: Path) -> None:
    found = {path.name for path in packages.iterdir() if not path.name.endswith(".dist-info")}
    assert found == {"lib_iclight", "iclight_standalone"}

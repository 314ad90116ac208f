from __future__ import annotations

import dataclasses
import gc
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from lib_iclight.errors import ICLightError
from lib_iclight.foreground import matting, release_models
from lib_iclight.foreground.families import BIREFNET, ISNET, ISNET_ANIME, U2NET, Family
from lib_iclight.foreground.matting import MattingModel
from lib_iclight.foreground.methods import METHODS
from lib_iclight.pip_command import write_pip_command
from lib_iclight.weights import read_catalogue
from lib_iclight.weights.manifest import manifest
from tests.weights.conftest import manifest_file

from . import stand_ins
from .stand_ins import StandIn

IMAGENET = (np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]))

PYTHONS = ("/opt/forge/bin/python", "C:\\my forge\\python.exe")


def photo(height: int, width: int, brightest: int = 201, seed: int = 0) -> np.ndarray:
    rgb = np.random.default_rng(seed).integers(0, brightest, (height, width, 3), np.uint8)
    rgb[0, 0, 1] = brightest
    return rgb


def bent(normalised: np.ndarray) -> np.ndarray:
    return np.maximum(normalised, 0) @ np.array(stand_ins.WEIGHTS)


def stretched(values: np.ndarray) -> np.ndarray:
    return (values - values.min()) / (values.max() - values.min())


def run(tmp_path: Path, stand_in: StandIn, family: Family, rgb: np.ndarray) -> np.ndarray:
    return MattingModel(stand_in.write(tmp_path), family).estimate_alpha(rgb, read_catalogue([tmp_path]))


def test_u2net_is_run_as_its_authors_do(tmp_path: Path) -> None:
    rgb = photo(320, 320)
    mean, deviation = IMAGENET
    found = run(tmp_path, stand_ins.U2NET, U2NET, rgb)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, stretched(bent((rgb / 201 - mean) / deviation)), atol=1e-5)


def test_isnet_is_run_as_its_authors_do(tmp_path: Path) -> None:
    rgb = photo(1024, 1024)
    found = run(tmp_path, stand_ins.ISNET, ISNET, rgb)
    np.testing.assert_allclose(found, stretched(bent(rgb / 255 - 0.5)), atol=1e-5)


def test_birefnet_is_run_as_its_authors_do(tmp_path: Path) -> None:
    rgb = photo(1024, 1024)
    mean, deviation = IMAGENET
    logits = ((rgb / 255 - mean) / deviation) @ np.array(stand_ins.WEIGHTS)
    found = run(tmp_path, stand_ins.BIREFNET, BIREFNET, rgb)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(-logits)), atol=1e-5)


@pytest.mark.parametrize(("height", "width", "shape"), [(1024, 512, (1024, 512)), (300, 1024, (300, 1024))])
def test_drawings_are_shown_in_their_own_proportions(
    tmp_path: Path, height: int, width: int, shape: tuple[int, int]
) -> None:
    rgb = photo(height, width, brightest=30)
    (rows, columns), square = MattingModel(manifest()["isnet-anime.onnx"], ISNET_ANIME)._make_input(rgb)
    assert rows.start == 1024 - rows.stop and columns.start == 1024 - columns.stop, "in the middle"
    assert np.count_nonzero(square) == np.count_nonzero(rgb), "and black around"
    found = run(tmp_path, stand_ins.ISNET_ANIME, ISNET_ANIME, rgb)
    assert found.shape == shape
    np.testing.assert_allclose(found, bent(rgb / 255).clip(0, 1), atol=1e-5)


def test_any_size_is_brought_to_the_networks(tmp_path: Path) -> None:
    across = np.linspace(0, 255, 900).astype(np.uint8)
    rgb = np.broadcast_to(across[None, :, None], (500, 900, 3)).copy()
    found = run(tmp_path, stand_ins.ISNET, ISNET, rgb)
    assert found.shape == (1024, 1024)
    expected = np.interp(np.arange(1024), np.linspace(0, 1023, 900), stretched(np.maximum(across / 255 - 0.5, 0)))
    assert np.abs(found - expected).max() < 0.01


@pytest.mark.parametrize(
    ("family", "stand_in", "brightness"), [(U2NET, stand_ins.U2NET, 0), (BIREFNET, stand_ins.BIREFNET, 0)]
)
def test_a_picture_without_a_subject_is_refused(
    tmp_path: Path, family: Family, stand_in: StandIn, brightness: int
) -> None:
    with pytest.raises(ICLightError, match=r"stand-in\.onnx finds no subject"):
        run(tmp_path, stand_in, family, np.full((50, 60, 3), brightness, np.uint8))


# ------------------------------------------------------------------------------------------------ files


def test_a_model_that_is_not_there(tmp_path: Path) -> None:
    model = MattingModel.of(METHODS["isnet-general-use"])
    with pytest.raises(ICLightError) as caught:
        model.estimate_alpha(photo(9, 9), read_catalogue([tmp_path, tmp_path / "nowhere"]))
    for said in ("isnet-general-use.onnx", "179 MB", "Fetch", "lib_iclight.weights fetch isnet", str(tmp_path)):
        assert said in str(caught.value)
    assert "POST /iclight/models/isnet-general-use.onnx/fetch" in str(caught.value)


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: bytes([data[0] ^ 1]) + data[1:]])
def test_a_damaged_file_is_not_opened(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    model = MattingModel(stand_ins.U2NET.write(tmp_path), U2NET)
    path = tmp_path / "stand-in.onnx"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ICLightError, match=r"stand-in\.onnx is damaged.*Delete it and fetch it again"):
        model.estimate_alpha(photo(9, 9), read_catalogue([tmp_path]))


def test_a_file_that_was_whole_is_compared_again_when_it_changed(tmp_path: Path) -> None:
    model = MattingModel(stand_ins.U2NET.write(tmp_path), U2NET)
    path = tmp_path / "stand-in.onnx"
    model.estimate_alpha(photo(9, 9), read_catalogue([tmp_path]))
    release_models()
    path.write_bytes(StandIn(320, 7, bend=False).model().SerializeToString())
    with pytest.raises(ICLightError, match="damaged"):
        model.estimate_alpha(photo(9, 9), read_catalogue([tmp_path]))


def test_what_is_no_onnx_file_after_all(tmp_path: Path) -> None:
    (tmp_path / "stand-in.onnx").write_bytes(b"no network")
    model = MattingModel(manifest_file("stand-in.onnx", b"no network"), U2NET)
    with pytest.raises(ICLightError, match=r"onnxruntime .* can't open .*stand-in\.onnx"):
        model.estimate_alpha(photo(9, 9), read_catalogue([tmp_path]))


@pytest.mark.long
def test_without_onnxruntime_the_sentence_says_so(tmp_path: Path) -> None:
    file = stand_ins.U2NET.write(tmp_path)
    program = f"""
import sys
sys.modules["onnxruntime"] = None  # as if it were not installed
import numpy as np
from pathlib import Path
from lib_iclight.errors import ICLightError
from lib_iclight.foreground.families import U2NET
from lib_iclight.foreground.matting import MattingModel
from lib_iclight.weights import read_catalogue
from lib_iclight.weights.manifest import ManifestFile
model = MattingModel(ManifestFile(**{asdict(file)!r}), U2NET)
for sys.executable in {PYTHONS!r}:
    try:
        model.estimate_alpha(np.zeros((9, 9, 3), np.uint8), read_catalogue([Path({str(tmp_path)!r})]))
    except ICLightError as error:
        print(error)
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    for python, said in zip(PYTHONS, answer.stdout.splitlines(), strict=True):
        assert "need onnxruntime" in said and "grabcut" in said
        assert f"install it by {write_pip_command(python, 'onnxruntime')} (no restart" in said, "as install.py says it"


def test_onnxruntime_that_is_broken_is_not_said_to_be_missing(tmp_path: Path) -> None:
    """On Windows it is installed and can't be loaded where a system library is missing."""
    file = stand_ins.U2NET.write(tmp_path)
    (tmp_path / "onnxruntime.py").write_text("raise ImportError('DLL load failed')", encoding="utf-8")
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
import numpy as np
from pathlib import Path
from lib_iclight.errors import ICLightError
from lib_iclight.foreground.families import U2NET
from lib_iclight.foreground.matting import MattingModel
from lib_iclight.weights import read_catalogue
from lib_iclight.weights.manifest import ManifestFile
model = MattingModel(ManifestFile(**{asdict(file)!r}), U2NET)
try:
    model.estimate_alpha(np.zeros((9, 9, 3), np.uint8), read_catalogue([Path({str(tmp_path)!r})]))
except ICLightError as error:
    print(error)
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.startswith("onnxruntime is installed but can't be loaded (DLL load failed)")
    assert "grabcut" in answer.stdout and "not installed" not in answer.stdout


def test_onnxruntime_that_is_installed_meanwhile_needs_no_restart(tmp_path: Path) -> None:
    """Its place is taken by an empty package, which can open nothing."""
    file = stand_ins.U2NET.write(tmp_path)
    (tmp_path / "packages").mkdir()
    program = f"""
import sys
sys.path.insert(0, {str(tmp_path / "packages")!r})
import numpy as np
from importlib.machinery import PathFinder
from pathlib import Path
from lib_iclight.errors import ICLightError
from lib_iclight.foreground.families import U2NET
from lib_iclight.foreground.matting import MattingModel
from lib_iclight.weights import read_catalogue
from lib_iclight.weights.manifest import ManifestFile
ours, packages = Path({str(tmp_path)!r}), Path({str(tmp_path / "packages")!r})


class OursAlone:  # the tests' own onnxruntime is not seen
    def find_spec(name, path=None, target=None):
        if name == "onnxruntime" and PathFinder.find_spec(name, [str(packages)]) is None:
            raise ModuleNotFoundError(name, name=name)


sys.meta_path.insert(0, OursAlone)
model = MattingModel(ManifestFile(**{asdict(file)!r}), U2NET)
for number in range(2):
    try:
        model.estimate_alpha(np.zeros((9, 9, 3), np.uint8), read_catalogue([ours]))
    except ICLightError as error:
        print("needs" if "need onnxruntime" in str(error) else error)
    except AttributeError as error:
        print(error)
    (packages / "onnxruntime").mkdir(exist_ok=True)
    (packages / "onnxruntime" / "__init__.py").touch()
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    first, second = answer.stdout.splitlines()
    assert first == "needs" and "'onnxruntime' has no attribute" in second


def test_heavy_packages_are_imported_at_first_use() -> None:
    program = (
        "import sys, lib_iclight.foreground; print(*({'cv2', 'onnxruntime', 'gradio', 'httpx'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == ""


def test_a_model_is_opened_once_and_let_go_on_request(tmp_path: Path) -> None:
    model = MattingModel(stand_ins.U2NET.write(tmp_path), U2NET)
    model.estimate_alpha(photo(320, 320), read_catalogue([tmp_path]))
    (session,) = matting._sessions.values()
    model.estimate_alpha(photo(320, 320, seed=1), read_catalogue([tmp_path]))
    assert list(matting._sessions.values()) == [session]
    release_models()
    assert [each for each in gc.get_objects() if type(each) is type(session)] == [session]
    assert not matting._sessions


def test_only_the_last_models_are_held(tmp_path: Path) -> None:
    one = MattingModel(stand_ins.U2NET.write(tmp_path, "one.onnx"), U2NET)
    other = MattingModel(dataclasses.replace(stand_ins.U2NET, outputs=3).write(tmp_path, "other.onnx"), U2NET)
    for model in (one, other, one):
        model.estimate_alpha(photo(9, 9), read_catalogue([tmp_path]))
        assert [path.name for path, _ in matting._sessions] == [model.file.name]

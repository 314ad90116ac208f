"""Matting models: networks that tell how much of each pixel is subject."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ..errors import ICLightError
from ..foreground.methods import Cutout
from ..weights import find_file, read_catalogue
from ..weights.manifest import ManifestFile, is_whole, manifest

_IMAGENET = {"mean": (0.485, 0.456, 0.406), "deviation": (0.229, 0.224, 0.225)}

_NOTHING = 0.1
"""A picture whose likeliest pixel is less likely subject than this has none; stretched, it would be all noise."""


@dataclass(frozen=True)
class Family:
    """How networks of one architecture take a picture in and give alpha out."""

    size: int
    """Width and height in pixels of what the network looks at."""

    mean: tuple[float, float, float]
    """Of red, green and blue in 0…1; taken off."""

    deviation: tuple[float, float, float]
    """Divided by."""

    by_maximum: bool = False
    """Brightened first until the brightest value is 1."""

    letterboxed: bool = False
    """Shown in its own proportions on black, instead of being squeezed into a square."""

    logits: bool = False
    """The output still has to go through the logistic function."""

    stretched: bool = False
    """The output is scaled until it runs from 0 to 1."""


U2NET = Family(320, **_IMAGENET, by_maximum=True, stretched=True)
"""Qin and others: "U²-Net" (2020); `data_loader.py`, `u2net_test.py` of its authors' xuebinqin/U-2-Net."""

ISNET = Family(1024, (0.5, 0.5, 0.5), (1.0, 1.0, 1.0), stretched=True)
"""Qin and others: "Highly Accurate Dichotomous Image Segmentation" (2022); `Inference.py` of xuebinqin/DIS."""

ISNET_ANIME = Family(1024, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), letterboxed=True)
"""IS-Net as SkyTNT/anime-segmentation trained it and its `inference.py` runs it."""

BIREFNET = Family(1024, **_IMAGENET, logits=True)
"""Zheng and others: "Bilateral Reference for High-Resolution Dichotomous Image Segmentation" (2024);
`inference.py` of ZhengPeng7/BiRefNet."""

MODELS = {
    Cutout.BIREFNET_LITE: ("BiRefNet-general-bb_swin_v1_tiny-epoch_232.onnx", BIREFNET),
    Cutout.ISNET_GENERAL_USE: ("isnet-general-use.onnx", ISNET),
    Cutout.BIREFNET_GENERAL: ("BiRefNet-general-epoch_244.onnx", BIREFNET),
    Cutout.U2NET_HUMAN_SEG: ("u2net_human_seg.onnx", U2NET),
    Cutout.U2NETP: ("u2netp.onnx", U2NET),
    Cutout.ISNET_ANIME: ("isnet-anime.onnx", ISNET_ANIME),
}

_sessions: dict[tuple[Path, str], Any] = {}
"""Key: the file and its sha256. Bound: one, as the largest holds a gigabyte. Emptied by: :func:`close_models`."""

_whole: set[tuple[Path, int, int, str]] = set()
"""Key: file, size, time of change, and the sha256 that it has. Bound: the files there are. Emptied by: the process's
end; a file that changes is another key."""

_lock = threading.RLock()
"""The panel may cut out while a generation does; two large models at once would take too much memory."""


@dataclass(frozen=True)
class MattingModel:
    """One model: its file, and how its family is run."""

    file: ManifestFile
    family: Family

    @classmethod
    def of(cls, cutout: Cutout) -> MattingModel:
        """The model of a way of cutting out. (KeyError: it is none of a model's.)"""
        name, family = MODELS[cutout]
        return cls(manifest()[name], family)

    def find(self, folders: Sequence[Path]) -> Path:
        """The model's file.

        :raises ICLightError: it is in none of the folders.
        """
        path = find_file(read_catalogue(folders), self.file.name)
        if path is None:
            name = self.file.name
            raise ICLightError(
                f"The matting model {name} ({self.file.size / 1e6:.0f} MB) is not there: fetch it with the Fetch "
                f"button in IC Light's panel, with `python -m lib_iclight.weights fetch {name}` or with "
                f"POST /iclight/models/{name}/fetch, or put it into {folders[0]}; or set cutout to auto."
            )
        return path

    def alpha(self, rgb: np.ndarray, folders: Sequence[Path]) -> np.ndarray:
        """What the network finds, as finely as it sees.

        :param rgb: uint8 [H, W, 3].
        :returns: float32 in 0…1, [h, w] of the family's size, of the picture's proportions only if letterboxed.
        :raises ICLightError: the file is missing or damaged, onnxruntime can't run it, or there is no subject.
        """
        with _lock:
            session = self._session(self.find(folders))
            window, pixels = self._input(rgb)
            output = session.run([session.get_outputs()[0].name], {session.get_inputs()[0].name: pixels})[0]
        alpha = np.asarray(output, np.float32).reshape(output.shape[-2:])[window]
        if self.family.logits:
            alpha = 0.5 + 0.5 * np.tanh(0.5 * alpha)
        low, high = float(alpha.min()), float(alpha.max())
        if not high >= _NOTHING or (high == low and self.family.stretched):
            raise ICLightError(
                f"{self.file.name} finds no subject in the picture: choose another cutout, "
                "give a picture with a transparent background, or set cutout to none."
            )
        if self.family.stretched:
            alpha = (alpha - low) / (high - low)
        return alpha.clip(0, 1)

    def _input(self, rgb: np.ndarray) -> tuple[tuple[slice, slice], np.ndarray]:
        """Where in the network's square the picture lies, and the square: float32 [1, 3, size, size]."""
        size = width = height = self.family.size
        if self.family.letterboxed:
            scale = size / max(rgb.shape[:2])
            height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
        top, left = (size - height) // 2, (size - width) // 2
        window = np.s_[top : top + height, left : left + width]
        square = np.zeros((size, size, 3), np.float32)
        square[window] = Image.fromarray(rgb).resize((width, height), Image.Resampling.LANCZOS)
        square /= max(float(square.max()), 1e-6) if self.family.by_maximum else 255
        square = (square - np.float32(self.family.mean)) / np.float32(self.family.deviation)
        return window, np.ascontiguousarray(square.transpose(2, 0, 1)[None])

    def _session(self, path: Path) -> Any:
        key = (path, self.file.sha256)
        session = _sessions.get(key)  # taken out at once: they may be released meanwhile
        if session is None:
            self._check(path)
            _sessions.clear()
            session = _sessions[key] = _open_session(path)
        return session

    def _check(self, path: Path) -> None:
        """Compare the file with what it must be, before anything of it is run."""
        stat = path.stat()
        seen = (path, stat.st_size, stat.st_mtime_ns, self.file.sha256)
        if seen in _whole:
            return
        if not is_whole(path, self.file):
            raise ICLightError(
                f"{path} is damaged or not what it is named: its {stat.st_size} bytes are not the published "
                f"{self.file.size}. Delete it and fetch it again."
            )
        _whole.add(seen)


def _open_session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        if not (isinstance(error, ModuleNotFoundError) and error.name == "onnxruntime"):
            raise ICLightError(
                f"onnxruntime is installed but can't be loaded ({error}): mend its installation and start again, or "
                "set cutout to grabcut."
            ) from error
        # PowerShell takes a path in quotation marks for text
        python = f'"{sys.executable}"' if " " in sys.executable else sys.executable
        raise ICLightError(
            "Matting models need onnxruntime, which is not installed: install it by "
            f"{python} -m pip install onnxruntime (no restart is needed), or set cutout to grabcut."
        ) from error
    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = False  # it would hold on to several gigabytes between two pictures
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its exceptions have no common class
        raise ICLightError(
            f"onnxruntime {onnxruntime.__version__} can't open {path}: {error}. Choose another cutout."
        ) from error


def resolve(cutout: Cutout, folders: Sequence[Path]) -> Cutout:
    """The way of cutting out that `auto` stands for; any other stands for itself, whether its file is there or not.

    The models come in the order of what they are worth for their time on a CPU: BiRefNet's small one, IS-Net, then
    BiRefNet's large one, which takes many times as long, U²-Net for people, and the smallest. The one for drawings is
    never chosen. All of these are under the Apache or MIT licence. Where there is none, GrabCut.

    :param folders: where the models' files may be.
    """
    if cutout is not Cutout.AUTO:
        return cutout
    catalogue = read_catalogue(folders)
    for each, (name, _) in MODELS.items():
        if each is not Cutout.ISNET_ANIME and find_file(catalogue, name) is not None:
            return each
    return Cutout.GRABCUT


def holds_models() -> bool:
    """Whether a model is loaded."""
    return bool(_sessions)


def close_models() -> None:
    """Give back the memory that models hold. The next picture that needs one opens its file again."""
    _sessions.clear()

"""Matting models: networks that tell how much of each pixel is subject."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from ..errors import ICLightError
from ..pip_command import write_pip_command
from ..weights import Catalogue, find_file
from ..weights.manifest import ManifestFile, is_whole
from .families import Family
from .methods import CutoutMethod

_NOTHING = 0.1
"""A picture whose likeliest pixel is less likely subject than this has none; stretched, it would be all noise."""

_sessions: dict[tuple[Path, str], Any] = {}
"""Key: the file and its sha256. Bound: one, as the largest holds a gigabyte. Emptied by: :func:`close_models`."""

_published: dict[tuple[Path, int, int, str], bool] = {}
"""Whether a file is the published one: reading one of hundreds of megabytes takes a while. Key: the file, its size,
its time of change, and the sha256 that it must have. Bound: the versions of matting models' files that were there.
Emptied by: the process's end."""

_lock = threading.RLock()
"""The panel may cut out while a generation does; two large models at once would take too much memory."""


class UnusableModelError(ICLightError):
    """A matting model can't be run here, whatever the picture is: `auto` goes on to the next one."""

    def __init__(self, sentence: str, reason: str) -> None:
        """:param sentence: for whoever chose the model.

        :param reason: the same in a few words, without any path: it may get into a picture's infotext.
        """
        super().__init__(sentence)
        self.reason = reason


class MattingModel(NamedTuple):
    """One model: its file, and how its family is run."""

    file: ManifestFile
    family: Family

    @classmethod
    def of(cls, method: CutoutMethod) -> MattingModel:
        """The model of a way of cutting out that has one."""
        if method.file is None or method.family is None:
            raise ValueError(f"{method.name} cuts out without a model")
        return cls(method.file, method.family)

    def locate(self, catalogue: Catalogue) -> Path | None:
        """The model's file, or None where no folder has one of its name."""
        return find_file(catalogue, self.file.name)

    def estimate_alpha(self, rgb: np.ndarray, catalogue: Catalogue) -> np.ndarray:
        """What the network finds, as finely as it sees.

        :param rgb: uint8 [H, W, 3].
        :returns: float32 in 0…1, [h, w] of the family's size, of the picture's proportions only if letterboxed.
        :raises UnusableModelError: the file is missing or not the published one, or onnxruntime can't run it.
        :raises ICLightError: there is no subject in the picture.
        """
        path = self.locate(catalogue)
        if path is None:
            raise UnusableModelError(self._describe_missing(catalogue), f"{self.file.name} is not there")
        window, pixels = self._make_input(rgb)
        with _lock:
            output = _run(self._open(path), pixels, path)
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

    def _make_input(self, rgb: np.ndarray) -> tuple[tuple[slice, slice], np.ndarray]:
        """Where in the network's square the picture lies, and the square: float32 [1, 3, size, size]."""
        size = width = height = self.family.size
        if self.family.letterboxed:
            scale = size / max(rgb.shape[:2])
            height, width = (max(1, round(side * scale)) for side in rgb.shape[:2])
        top, left = (size - height) // 2, (size - width) // 2
        window = np.s_[top : top + height, left : left + width]
        square: np.ndarray = np.zeros((size, size, 3), np.float32)
        square[window] = np.asarray(Image.fromarray(rgb).resize((width, height), Image.Resampling.LANCZOS))
        square /= max(float(square.max()), 1e-6) if self.family.by_maximum else 255
        square = (square - np.array(self.family.mean, np.float32)) / np.array(self.family.deviation, np.float32)
        return window, np.ascontiguousarray(square.transpose(2, 0, 1)[None])

    def _open(self, path: Path) -> Any:
        key = (path, self.file.sha256)
        session = _sessions.get(key)  # one look-up: another thread may close the models at any time
        if session is None:
            self._check(path)
            _sessions.clear()
            session = _sessions[key] = _open_session(path)
        return session

    def _check(self, path: Path) -> None:
        """Compare the file with what it must be, before anything of it is run."""
        try:
            status = path.stat()
            key = (path, status.st_size, status.st_mtime_ns, self.file.sha256)
            if key not in _published:
                _published[key] = is_whole(path, self.file)
        except OSError as error:
            raise UnusableModelError(
                f"{path} can't be read: {error.strerror}. Choose another cutout.", f"{path.name} can't be read"
            ) from error
        if not _published[key]:
            raise UnusableModelError(
                f"{path} is damaged or not what it is named: its {status.st_size} bytes are not the published "
                f"{self.file.size}. Delete it and fetch it again.",
                f"{path.name} is damaged or not what it is named: delete it and fetch it again",
            )

    def _describe_missing(self, catalogue: Catalogue) -> str:
        name = self.file.name
        place = f", or put it into {catalogue.own_folder}"
        return (
            f"The matting model {name} ({self.file.size / 1e6:.0f} MB) is not there: fetch it with the Fetch "
            f"button in IC Light's panel, with `python -m lib_iclight.weights fetch {name}` or with "
            f"POST /iclight/models/{name}/fetch{place}; or set cutout to auto."
        )


def _run(session: Any, pixels: np.ndarray, path: Path) -> np.ndarray:
    """The first of the network's outputs, which the others only lead up to."""
    try:
        return session.run([session.get_outputs()[0].name], {session.get_inputs()[0].name: pixels})[0]
    except Exception as error:  # onnxruntime's exceptions have no common class
        raise UnusableModelError(
            f"onnxruntime can't run {path}: {_on_one_line(error)}. Choose another cutout.",
            f"onnxruntime can't run {path.name}",
        ) from error


def _open_session(path: Path) -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        if not (isinstance(error, ModuleNotFoundError) and error.name == "onnxruntime"):
            raise UnusableModelError(
                f"onnxruntime is installed but can't be loaded ({error}): mend its installation and start again, or "
                "set cutout to grabcut.",
                "onnxruntime can't be loaded",
            ) from error
        raise UnusableModelError(
            "Matting models need onnxruntime, which is not installed: install it by "
            f"{write_pip_command(sys.executable, 'onnxruntime')} (no restart is needed), or set cutout to grabcut.",
            "onnxruntime is not installed",
        ) from error
    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = False  # it would hold on to several gigabytes between two pictures
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # as in _run
        raise UnusableModelError(
            f"onnxruntime {onnxruntime.__version__} can't open {path}: {_on_one_line(error)}. Choose another cutout.",
            f"onnxruntime can't open {path.name}",
        ) from error


def _on_one_line(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def holds_models() -> bool:
    """Whether a model is loaded."""
    return bool(_sessions)


def close_models() -> None:
    """Give back the memory that models hold. The next picture that needs one opens its file again."""
    _sessions.clear()

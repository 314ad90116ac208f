"""Which models are used: those that are named, those of the Forge that this extension lies in, or the small ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError, safe_open

from lib_iclight.errors import ICLightError
from lib_iclight.weights import kind_of, known_models, read_catalogue
from lib_iclight.weights.kind import Kind
from lib_iclight.weights.offsets import FIRST_CONVOLUTION

EXTENSION = Path(__file__).absolute().parents[1]
"""This repository's folder; not resolved, as it may be linked into Forge's extensions."""

SMALL = Path(__file__).parent / "small"
"""A checkpoint and IC-Light's files at a small size, and pictures of what they were trained on."""

SMALL_SIDE, SIDE = 256, 512
"""Side in pixels of the square pictures that the small models, and SD 1.5, were trained on."""

SMALL_CFG = {Kind.FOREGROUND: 2.0, Kind.BACKGROUND: 2.0}
CFG = {Kind.FOREGROUND: 2.0, Kind.BACKGROUND: 7.0}
"""CFG scale that the small models were measured with, and that of the reference's `gradio_demo.py` and
`gradio_demo_bg.py`."""

_UNET = "model.diffusion_model."
_CONTEXT = _UNET + "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight"
_SD15_SHAPES = {_UNET + FIRST_CONVOLUTION: [320, 4, 3, 3], _CONTEXT: [320, 768]}
"""What tells SD 1.5 from SD 2, SDXL and inpainting checkpoints."""


@dataclass(frozen=True)
class Models:
    """The files of one run."""

    checkpoint: Path

    iclight: dict[Kind, Path]
    """One file for each kind that there is; never empty."""

    folders: list[Path]
    """Where matting models may be."""

    side: int
    """Side in pixels of the square picture that is sampled by default."""

    cfg: dict[Kind, float]
    """CFG scale by default."""

    note: str
    """What the user should know of these models, in a few plain sentences."""

    def find(self, kind: Kind) -> Path:
        """The IC-Light file of a kind.

        :raises ICLightError: there is none.
        """
        if kind not in self.iclight:
            raise ICLightError(f"There is no IC-Light model that looks at the {kind.value}: name one with --iclight.")
        return self.iclight[kind]


def choose_models(
    checkpoint: Path | None = None, iclight: Path | None = None, small: bool = False, extension: Path | None = None
) -> Models:
    """Choose the files. What is not named is looked for in the Forge that the extension lies in.

    :param small: take the small models, whatever is there.
    :param extension: this repository's folder.
    :raises ICLightError: a file that was named can't be used, or the one that goes with it is nowhere.
    """
    is_named = checkpoint is not None or iclight is not None
    if small and is_named:
        raise ICLightError("--small goes with neither --checkpoint nor --iclight: leave one or the other out.")
    forge = _find_forge(extension or EXTENSION)
    folders = [(forge or Path()) / "models" / name for name in ("ic-light", "unet", "diffusion_models")]
    if not small:
        checkpoint = checkpoint or (_find_first_checkpoint(forge / "models" / "Stable-diffusion") if forge else None)
        files = _find_first_of_each_kind(folders) if iclight is None else {kind_of(iclight): iclight}
        if checkpoint is not None and files:
            return Models(checkpoint, files, folders, SIDE, CFG, _write_note(checkpoint, files))
    if is_named:
        missing, option = ("IC-Light model", "--iclight") if checkpoint else ("SD 1.5 checkpoint", "--checkpoint")
        raise ICLightError(f"There is no {missing} to go with it: name one with {option}.")
    return _list_small_models(folders)


def _find_forge(extension: Path) -> Path | None:
    """The web UI's folder, where the extension lies in its `extensions`."""
    return extension.parents[1] if extension.parent.name == "extensions" else None


def _find_first_checkpoint(folder: Path) -> Path | None:
    """The first SD 1.5 checkpoint by name, told from the files' headers."""
    return next((path for path in sorted(folder.glob("*.safetensors")) if _is_sd15(path)), None)


def _is_sd15(path: Path) -> bool:
    from .stable_diffusion import PARTS

    try:
        with safe_open(path, framework="pt") as file:
            names = set(file.keys())
            has_all_parts = all(any(name.startswith(prefix) for name in names) for prefix in PARTS.values())
            return has_all_parts and all(
                name in names and file.get_slice(name).get_shape() == shape for name, shape in _SD15_SHAPES.items()
            )
    except (SafetensorError, OSError, ValueError):  # damaged, or still being fetched
        return False


def _find_first_of_each_kind(folders: list[Path]) -> dict[Kind, Path]:
    files: dict[Kind, Path] = {}
    for path, kind in known_models(read_catalogue(folders)).items():
        files.setdefault(kind, path)
    return files


def _write_note(checkpoint: Path, files: dict[Kind, Path]) -> str:
    names = " and ".join(path.name for path in files.values())
    return f"{checkpoint.name} with {names}. On a CPU a picture of {SIDE}×{SIDE} pixels takes minutes."


def _list_small_models(folders: list[Path]) -> Models:
    checkpoint, iclight = SMALL / "small_sd15.safetensors", SMALL / "ic-light"
    files = {
        Kind.FOREGROUND: iclight / "iclight_sd15_fc.safetensors",
        Kind.BACKGROUND: iclight / "iclight_sd15_fbc.safetensors",
    }
    millions = _count_parameters(checkpoint) / 1e6
    note = (
        f"This is the repository's small model: a UNet of {millions:.1f} million parameters, trained on rendered "
        "solids. It is not Stable Diffusion: it shows that the light obeys, not beauty. Real weights do the real thing."
    )
    return Models(checkpoint, files, folders, SMALL_SIDE, SMALL_CFG, note)


def _count_parameters(checkpoint: Path) -> int:
    """Parameters of a checkpoint's UNet, read from its header."""
    try:
        with safe_open(checkpoint, framework="pt") as file:
            shapes = [file.get_slice(name).get_shape() for name in file.keys() if name.startswith(_UNET)]
    except (SafetensorError, OSError) as error:
        raise ICLightError(f"The small model {checkpoint} can't be read: {error}. Get the repository anew.") from error
    return sum(math.prod(shape) for shape in shapes)

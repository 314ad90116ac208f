"""One IC-Light file: weight differences to an SD 1.5 UNet."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open

from ..errors import ICLightError
from ..text import shorten
from .catalogue import Signature
from .keys import ldm_names
from .kind import Kind

FIRST_CONVOLUTION = "input_blocks.0.0.weight"

KINDS = {8: Kind.FOREGROUND, 12: Kind.BACKGROUND}
"""By the first convolution's input channels: the noisy latent's four, and four for each picture that is looked at."""

UNET_PREFIX = "diffusion_model."
"""What the hosts put before the ldm names of the UNet's tensors."""

_PICKLED = {".ckpt", ".pt", ".pth", ".bin", ".pkl"}
"""Endings of files that can run programs when they are opened."""

_TELLTALES = (
    ("lora_", "a LoRA"),
    ("first_stage_model.", "a whole checkpoint"),
    ("double_blocks.", "made for Flux"),
    ("label_emb.", "made for SDXL"),
    ("add_embedding.", "made for SDXL"),
    ("input_hint_block.", "a ControlNet"),
    ("controlnet_cond_embedding.", "a ControlNet"),
    ("decoder.", "a VAE"),
)
"""Parts of tensor names that give away what else a file may be."""


class Offsets:
    """An IC-Light file, mapped into memory: a tensor's bytes are read from disk when the host merges it.

    A mapped file that has since been cut short kills the process that touches it, so :meth:`check_unchanged`
    comes before every use.
    """

    def __init__(self, path: Path) -> None:
        """:raises ICLightError: the file is no IC-Light model, damaged, or pickled (which is never opened)."""
        self.path = path
        self.signature = Signature.of(path)
        tensors = _map_tensors(path)
        names = ldm_names(tensors)
        self.kind = _tell_kind(path, names, lambda name: tuple(tensors[name].shape))
        # lists, so that `close` can take the tensors back from every clone that was given them
        self._values: dict[str, list[Any]] = {
            names[name]: [tensor, {"pad_weight": True}] for name, tensor in tensors.items()
        }

    @property
    def name(self) -> str:
        """The file's name, for sentences."""
        return self.path.name

    @property
    def merge_name(self) -> str:
        """What the host knows the merge by: another one for every change of the file, and else the same."""
        return "ic-light:" + ":".join(map(str, (self.path, *self.signature)))

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Each tensor's shape by its ldm name."""
        return {name: tuple(value[0].shape) for name, value in self._values.items()}

    @property
    def tensors(self) -> dict[str, torch.Tensor]:
        """Each difference by its ldm name, as the file holds it."""
        return {name: value[0] for name, value in self._values.items()}

    def patches(self) -> dict[str, tuple[str, list]]:
        """The differences as every host's `add_patches` takes them, the widened first convolution among them."""
        return {UNET_PREFIX + name: ("diff", value) for name, value in self._values.items()}

    def check_unchanged(self) -> None:
        """:raises ICLightError: the file is not the one that was mapped."""
        if Signature.of(self.path) != self.signature:
            raise ICLightError(f"The IC-Light model {self.name} has changed while it was in use: generate again.")

    def close(self) -> None:
        """Let the file go, from the host's clones too, so that it can be replaced or removed on every system."""
        for value in self._values.values():
            value.clear()
        self._values = {}


def read_kind(path: Path) -> Kind:
    """Tell a file's kind from its tensors, reading only its header.

    :raises ICLightError: as :class:`Offsets`.
    """
    with open_header(path) as file:
        names = ldm_names(file.keys())
        # one shape alone is asked for: all 686 take older safetensors 40 ms, at the web UI's start
        return _tell_kind(path, names, lambda name: tuple(file.get_slice(name).get_shape()))


def can_be_opened(path: Path) -> bool:
    """Whether a file is in the safetensors format and of the length that its header says, whatever it holds.

    :raises ICLightError: nobody can tell, as it can't be read right now.
    """
    try:
        with open_header(path):
            return True
    except ICLightError as error:
        if isinstance(error.__cause__, OSError):
            raise
        return False


def describe_shape(shape: Sequence[int]) -> str:
    """A shape for a sentence: a hostile file's may have a million dimensions."""
    return shorten(str(list(shape)), 40)


def open_header(path: Path) -> safe_open:
    """Open a safetensors file, whose header alone is read until a tensor is asked for.

    :raises ICLightError: it is another kind of file, or damaged; caused by an OSError where it only can't be read now.
    """
    if path.suffix.lower() in _PICKLED:
        raise ICLightError(f"{path.name} is a pickled file, which can run programs: IC-Light opens only safetensors.")
    try:
        return safe_open(path, framework="pt", device="cpu")
    except OSError as error:  # safetensors says "no such file" whatever the system's reason was
        raise ICLightError(f"{path.name} can't be read right now ({error}).") from error
    except (SafetensorError, ValueError) as error:
        reason = str(error).lower()
        if "incomplete" in reason:
            raise ICLightError(f"{path.name} is cut short or padded: download it again.") from error
        raise ICLightError(
            f"{path.name} is not a safetensors file, or damaged at its start ({shorten(str(error))})."
        ) from error


def _map_tensors(path: Path) -> dict[str, torch.Tensor]:
    with open_header(path) as file:
        try:
            tensors = {name: file.get_tensor(name) for name in file.keys()}
        except (SafetensorError, RuntimeError, ValueError) as error:
            raise ICLightError(f"{path.name} can't be read ({shorten(str(error))}): download it again.") from error
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise ICLightError(
                f"{path.name} is no IC-Light model: {shorten(name)} holds {tensor.dtype}, not fractions."
            )
    return tensors


def _tell_kind(path: Path, ldm_by_name: Mapping[str, str], shape_of: Callable[[str], tuple[int, ...]]) -> Kind:
    """:param shape_of: a tensor's shape, by its name in the file."""
    names = {ldm: name for name, ldm in ldm_by_name.items()}
    if len(names) != len(ldm_by_name):
        raise ICLightError(f"{path.name} has two tensors for one place in the UNet: it is no IC-Light model.")
    all_names = "\n".join(names)
    for part, what in _TELLTALES:
        if part in all_names:
            raise ICLightError(f"{path.name} is no IC-Light model: it is {what}.")
    if FIRST_CONVOLUTION not in names:
        raise ICLightError(
            f"{path.name} is no IC-Light model: it has no {FIRST_CONVOLUTION}, the UNet's first convolution."
        )
    shape = shape_of(names[FIRST_CONVOLUTION])
    if len(shape) != 4 or shape[1] not in KINDS:
        raise ICLightError(
            f"{path.name} is no IC-Light model: its first convolution has the shape {describe_shape(shape)}, "
            f"and not {' or '.join(map(str, KINDS))} input channels."
        )
    return KINDS[shape[1]]

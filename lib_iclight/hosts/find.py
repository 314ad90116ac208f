"""Which of each axis the web UI has that loads the extension, found by what it can do."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Sequence
from typing import Any

from ..errors import ICLightError
from . import Host, Patcher

_NEEDED = {
    "modules.extensions": ("active",),
    "modules.images": ("flatten", "resize_image"),
    "modules.img2img": ("process_batch",),
    "modules.paths": ("models_path",),
    "modules.processing": ("process_images_inner",),
    "modules.script_callbacks": ("add_callback", "callback_map"),
    "modules.scripts": ("AlwaysVisible", "Script"),
    "modules.sd_models": ("get_closet_checkpoint_match",),
    "modules.shared": ("OptionInfo", "cmd_opts", "opts", "state"),
    "modules.ui_components": ("InputAccordion",),
}
"""What is asked of every web UI of the family, by module."""

_GENERATION = "modules.processing.StableDiffusionProcessingImg2Img"

_OF_GENERATIONS = (
    "batch_size",
    "color_corrections",
    "denoising_strength",
    "extra_generation_params",
    "height",
    "image_mask",
    "init_images",
    "inpaint_full_res",
    "iteration",
    "mask_for_overlay",
    "paste_to",
    "prompts",
    "resize_mode",
    "sampler",
    "steps",
    "width",
)
"""The fields of a generation that are used; in every one of the family it is a dataclass."""

_OF_MEMORY = ("VAE_ALWAYS_TILED", "current_loaded_models", "get_torch_device")

_OF_PATCHERS = ("add_patches", "clone", "is_clone", "set_model_unet_function_wrapper")


def check_host() -> None:
    """Look for all that is used, before anything is imported that uses it.

    :raises ICLightError: the web UI lacks something that relighting needs; the sentence names it.
    """
    for module, names in _NEEDED.items():
        _check(module, names)
    fields = getattr(_import(_GENERATION), "__dataclass_fields__", {})
    for name in _OF_GENERATIONS:
        if name not in fields:
            raise _lacks(f"{_GENERATION}.{name}")
    _check(find_management(), _OF_MEMORY)
    where = _find_patcher_class()
    _check(where, _OF_PATCHERS)


def find_host() -> Host:
    """The host as the script hands it to the hooks, once :func:`check_host` has found nothing missing."""
    from .first_stage import FirstStageVAE
    from .memory import encodes_in_tiles
    from .webui import ForgeWebUI

    return Host(ForgeWebUI(), _find_patcher(), FirstStageVAE(encodes_in_tiles))


def _find_patcher() -> Patcher:
    """By how the host finds out that something else is to be merged."""
    from .memory import loaded_patchers
    from .patchers import NamedPatcher, ObjectPatcher, UuidPatcher

    patcher_class = _import(_find_patcher_class())
    if hasattr(patcher_class, "refresh_loras"):
        return NamedPatcher()
    if hasattr(patcher_class, "partially_load"):
        return UuidPatcher()
    return ObjectPatcher(loaded_patchers)


def find_management() -> str:
    """The module that knows which models are loaded."""
    return "backend.memory_management" if _has_backend() else "ldm_patched.modules.model_management"


def _find_patcher_class() -> str:
    """What patchers of UNets are made of."""
    return ("backend.patcher.base" if _has_backend() else "ldm_patched.modules.model_patcher") + ".ModelPatcher"


@functools.lru_cache(maxsize=1)
def _has_backend() -> bool:
    """Looking takes 3 ms, and it is asked several times at the web UI's start. Key: none. Emptied by: the process's
    end."""
    if importlib.util.find_spec("backend") is not None:
        return True
    if importlib.util.find_spec("ldm_patched") is not None:
        return False
    raise _lacks("modules that patch the UNet (backend or ldm_patched)")


def _check(owner: str, names: Sequence[str]) -> None:
    found = _import(owner)
    for name in names:
        if not hasattr(found, name):
            raise _lacks(f"{owner}.{name}")


def _import(path: str) -> Any:
    """A module, or a class in one."""
    module, _, last = path.rpartition(".")
    if last[0].isupper():
        found = _import(module)
        if not hasattr(found, last):
            raise _lacks(path)
        return getattr(found, last)
    try:
        return importlib.import_module(path)
    except ModuleNotFoundError as error:
        if error.name is None or not path.startswith(error.name):  # something that the module needs itself
            raise
        raise _lacks(path) from error


def _lacks(what: str) -> ICLightError:
    return ICLightError(
        f"IC-Light can't relight in this web UI: it has no {what}, which Stable Diffusion WebUI Forge and its "
        "relatives (Neo, reForge, Classic, ersatzForge) have. Update the web UI and this extension, or use one of them."
    )

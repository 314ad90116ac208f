"""What a web UI lacks is named, whichever of the things it is that are used."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lib_iclight.errors import ICLightError
from lib_iclight.hosts import find
from lib_iclight.hosts.find import check_host

FIELDS = (
    *("batch_size", "color_corrections", "denoising_strength", "extra_generation_params", "height", "image_mask"),
    *("init_images", "inpaint_full_res", "iteration", "mask_for_overlay", "paste_to", "prompts", "resize_mode"),
    *("sampler", "steps", "width"),
)

GENERATION = "\n".join(
    [
        "import dataclasses",
        "@dataclasses.dataclass",
        "class StableDiffusionProcessingImg2Img:",
        *(f"    {name}: object = None" for name in FIELDS),
    ]
)

WEBUI = {
    "extensions": "def active(): pass",
    "images": "def flatten(): pass\ndef resize_image(): pass",
    "img2img": "def process_batch(): pass",
    "paths": "models_path = ''",
    "processing": "def process_images_inner(): pass\n" + GENERATION,
    "script_callbacks": "callback_map = {}\ndef add_callback(): pass",
    "scripts": "AlwaysVisible = object()\nclass Script: pass",
    "sd_models": "def get_closet_checkpoint_match(): pass",
    "shared": "OptionInfo = cmd_opts = opts = state = None",
    "ui_components": "def InputAccordion(): pass",
}
"""What the family's web UIs have, by module."""

MANAGEMENT = "VAE_ALWAYS_TILED = False\ncurrent_loaded_models = []\ndef get_torch_device(): pass"
PATCHER = "class ModelPatcher:\n    add_patches = clone = is_clone = set_model_unet_function_wrapper = None"
BACKENDS = {
    "backend": {"memory_management": MANAGEMENT, "patcher/base": PATCHER},
    "ldm_patched": {"modules/model_management": MANAGEMENT, "modules/model_patcher": PATCHER},
}

Write = Callable[[str, dict[str, str]], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes a package of a host that can be imported as long as the test runs."""
    monkeypatch.syspath_prepend(tmp_path)
    find._has_backend.cache_clear()

    def write_(package: str, files: dict[str, str]) -> None:
        for name, code in files.items():
            path = tmp_path / package / f"{name}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code, encoding="utf-8")

    yield write_
    packages = ("modules", *BACKENDS)
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        del sys.modules[name]
    find._has_backend.cache_clear()


def sentence() -> str:
    with pytest.raises(ICLightError) as caught:
        check_host()
    return str(caught.value)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_host_that_has_all_of_it_is_taken(write: Write, backend: str) -> None:
    write("modules", WEBUI)
    write(backend, BACKENDS[backend])
    check_host()


def test_a_web_ui_without_a_patcher_is_told_which_ones_have_one(write: Write) -> None:
    """Such as AUTOMATIC1111's, which has all the rest."""
    write("modules", WEBUI)
    said = sentence()
    assert said.startswith("IC-Light can't relight in this web UI: it has no modules that patch the UNet")
    assert "Forge" in said and "reForge" in said


@pytest.mark.parametrize("module", WEBUI)
def test_a_module_that_is_missing_is_named(write: Write, module: str) -> None:
    write("modules", {name: code for name, code in WEBUI.items() if name != module})
    write("backend", BACKENDS["backend"])
    assert f"it has no modules.{module}, which" in sentence()


@pytest.mark.parametrize(
    ("package", "file", "name"),
    [
        ("modules", "images", "flatten"),
        ("modules", "shared", "state"),
        ("backend", "memory_management", "VAE_ALWAYS_TILED"),
        ("backend", "memory_management", "current_loaded_models"),
        ("backend", "patcher/base", "ModelPatcher"),
        ("backend", "patcher/base", "set_model_unet_function_wrapper"),
        ("ldm_patched", "modules/model_patcher", "add_patches"),
    ],
)
def test_what_is_missing_in_one_is_named(write: Write, package: str, file: str, name: str) -> None:
    backend = "ldm_patched" if package == "ldm_patched" else "backend"
    files = {"modules": WEBUI, backend: BACKENDS[backend]}
    files[package] = {**files[package], file: files[package][file].replace(name, f"renamed_{name}")}
    for package_name, contents in files.items():
        write(package_name, contents)
    said = sentence()
    assert f".{name}, which" in said and f"{package}.{file.replace('/', '.')}" in said


@pytest.mark.parametrize("field", FIELDS)
def test_a_field_of_generations_that_is_missing_is_named(write: Write, field: str) -> None:
    """It may be there by another name after an update."""
    renamed = WEBUI["processing"].replace(f"    {field}:", f"    renamed_{field}:")
    write("modules", {**WEBUI, "processing": renamed})
    write("backend", BACKENDS["backend"])
    assert f"it has no modules.processing.StableDiffusionProcessingImg2Img.{field}, which" in sentence()


def test_what_a_module_needs_itself_is_not_called_missing_there(write: Write) -> None:
    write("modules", {**WEBUI, "images": "import a_package_that_nobody_has"})
    write("backend", BACKENDS["backend"])
    with pytest.raises(ModuleNotFoundError, match="a_package_that_nobody_has"):
        check_host()

"""Pictures and folders of them, relit one after the other."""

from __future__ import annotations

import argparse
import sys
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from lib_iclight.errors import ICLightError, ICLightFault, report
from lib_iclight.fields import SETTINGS as ALL_SETTINGS
from lib_iclight.lights import Background, Light
from lib_iclight.request import RelightRequest
from lib_iclight.setting_types import PictureSetting, Tab
from lib_iclight.weights.kind import Kind

from .model_files import Models, choose_models
from .relighter import Relighter, check_number, choose_size, open_picture, save_picture

OUTPUT = Path("outputs/relit")

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
"""What the names of a folder's pictures end in."""

SETTINGS = {
    name: setting
    for name, setting in ALL_SETTINGS.items()
    if not isinstance(setting, PictureSetting)
    and name not in ("enabled", "model", "light", "background", "show_subject", "show_untouched")
}
"""Those that have an option of their name; `--light` and `--background` take a picture's file as well."""

_LIGHTS = [light.value for light in Light if light is not Light.CUSTOM]
_PLAIN = [each.value for each in Background if each not in (Background.IMAGE, Background.MIRRORED)]


def relight_pictures(options: argparse.Namespace) -> int:
    """Relight what the options name.

    :returns: the exit status: 2 where a picture could not be relit; it was named, and the others were done.
    :raises ICLightError: nothing can be done at all.
    """
    for name in ("steps", "seed", "width", "height", "cfg"):
        if getattr(options, name) is not None:
            check_number(name, getattr(options, name), f"--{name}")
    models = choose_models(options.checkpoint, options.iclight, options.small)
    kind = _choose_kind(options, models)
    settings = _read_settings(options, kind, models)
    pictures = _list_pictures(options.pictures)
    targets = _choose_targets(pictures, options.pictures, options.output or OUTPUT)
    _refuse_overwriting(targets, [*pictures, *_list_given_files(options)], is_named=targets == [options.output])
    print(models.note)
    relighter = Relighter(models)
    failed = 0
    for source, target in zip(pictures, targets, strict=True):
        try:
            save_picture(_relight(relighter, options, kind, settings, source), target)
        except Exception as error:  # one picture's; the rest go on
            report(error)
            sentence = error if isinstance(error, ICLightError) else ICLightFault.from_exception(error)
            print(f"{source}: {sentence}", file=sys.stderr)
            failed += 1
        else:
            print(f"{source} → {target}")
    if failed and len(pictures) > 1:
        print(f"{failed} of {len(pictures)} pictures could not be relit.", file=sys.stderr)
    return 2 if failed else 0


def name_outputs(pictures: Sequence[Path]) -> list[str]:
    """Name the .png file of each relit picture: after the picture, with its ending or a number where two names meet."""
    stems = Counter(_fold_case(picture.stem) for picture in pictures)
    names: list[str] = []
    taken: set[str] = set()
    for picture in pictures:
        stem = name = picture.stem if stems[_fold_case(picture.stem)] == 1 else picture.name
        number = 1
        while _fold_case(name) in taken:
            number += 1
            name = f"{stem}-{number}"
        taken.add(_fold_case(name))
        names.append(f"{name}.png")
    return names


def _fold_case(name: str) -> str:
    """The name without what file systems overlook: case, and on macOS whether letters are composed."""
    return unicodedata.normalize("NFC", name).casefold()


def _choose_kind(options: argparse.Namespace, models: Models) -> Kind:
    """The kind of the IC-Light model that is named, else the one that goes with a background or with none."""
    if options.iclight is None:
        return Kind.FOREGROUND if options.background is None else Kind.BACKGROUND
    kind = next(iter(models.iclight))
    if kind is Kind.BACKGROUND and options.background is None:
        raise ICLightError(
            f"{options.iclight.name} looks at a background: give --background a picture, or {', '.join(_PLAIN)}."
        )
    return kind


def _read_settings(options: argparse.Namespace, kind: Kind, models: Models) -> dict[str, Any]:
    """The request's fields but for the subject, checked."""
    settings = {name: getattr(options, name) for name in SETTINGS}
    light = options.light
    if light is None and options.lights is None and kind is Kind.FOREGROUND and options.background is None:
        light = Light.LEFT.value
    if light in _LIGHTS:
        settings["light"] = light
    elif light is not None:
        settings |= {"light": Light.CUSTOM.value, "light_map": _open_if_file(light, "light", _LIGHTS)}
    if options.background in _PLAIN:
        settings["background"] = options.background
    elif options.background is not None:
        settings["background_image"] = _open_if_file(options.background, "background", _PLAIN)
    settings = {name: value for name, value in settings.items() if value is not None}
    RelightRequest.from_api(settings).check_effect(kind, models.find(kind).name, Tab.TXT2IMG)
    return settings


def _open_if_file(value: str, name: str, choices: Sequence[str]) -> Image.Image:
    if not _is_file(Path(value)):
        raise ICLightError(f"--{name} must be one of {', '.join(choices)} or a picture's file, not {value}.")
    return open_picture(Path(value), value)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # too long a name, say
        return False


def _list_given_files(options: argparse.Namespace) -> list[Path]:
    """Files besides the pictures that must stay as they are."""
    return [Path(value) for value in (options.light, options.background) if value is not None]


def _list_pictures(given: Sequence[Path]) -> list[Path]:
    """Files as they are named, and every picture of a folder, by name; each once."""
    pictures: list[Path] = []
    for path in given:
        try:
            if not path.is_dir():
                pictures.append(path)
                continue
            inside = sorted(file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())
        except OSError as error:
            raise ICLightError(f"{path} can't be read: {error.strerror}.") from error
        if not inside:
            raise ICLightError(
                f"There is no picture in the folder {path}: its files end in none of {' '.join(SUFFIXES)}."
            )
        pictures += inside
    once: dict[Any, Path] = {}
    for path in pictures:
        once.setdefault(_identify(path) if _is_file(path) else path, path)
    return list(once.values())


def _choose_targets(pictures: Sequence[Path], given: Sequence[Path], output: Path) -> list[Path]:
    """Where each relit picture goes: into the output folder, or one to the file that is named."""
    if output.is_dir() or not output.suffix:
        return [output / name for name in name_outputs(pictures)]
    if output.suffix.lower() != ".png":
        raise ICLightError(f"--output must name a folder or a .png file, not {output}.")
    if len(given) > 1 or given[0].is_dir():
        raise ICLightError(f"--output must name a folder for several pictures, not {output}.")
    return [output]


def _refuse_overwriting(targets: Sequence[Path], kept: Sequence[Path], is_named: bool) -> None:
    """A folder of relit pictures is written over; pictures that were given, and those beside them, stay.

    :param is_named: the target is the very file that the user named.
    :raises ICLightError: a relit picture would take the place of one of them, whatever it is called.
    """
    given = {_identify(path): path for path in kept if _is_file(path)}
    folders = {_identify(path.parent) for path in given.values()}
    for target in filter(_is_file, targets):
        if _identify(target) in given:
            raise ICLightError(
                f"{target} would be overwritten, which is {given[_identify(target)]}: give another --output."
            )
        if not is_named and _identify(target.parent) in folders:
            raise ICLightError(f"{target} lies beside the pictures and would be overwritten: give another --output.")


def _identify(path: Path) -> tuple[int, int]:
    stat = path.stat()
    return stat.st_dev, stat.st_ino


def _relight(
    relighter: Relighter, options: argparse.Namespace, kind: Kind, settings: dict[str, Any], source: Path
) -> Image.Image:
    from tqdm import tqdm

    photo = open_picture(source, "this file")
    width, height = choose_size(photo, relighter.models.side, options.width, options.height)
    generation = {
        "prompt": options.prompt,
        "negative_prompt": options.negative_prompt,
        "seed": options.seed,
        "steps": options.steps,
        "cfg_scale": options.cfg,
        "width": width,
        "height": height,
    }
    given = {name: value for name, value in generation.items() if value is not None}
    # not shown before the first step, so that a refusal is all that is said
    with tqdm(total=options.steps, unit="step", desc=f"relighting {source.name}", delay=0.1, leave=False) as bar:
        return relighter.relight(kind, {**settings, "subject": photo}, bar.update, **given).image

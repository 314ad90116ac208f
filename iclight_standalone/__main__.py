"""Relight without a web UI: `python -m iclight_standalone photo.jpg --light left`.

Without pictures it shows what it can do: `python -m iclight_standalone demo` writes a sheet,
`python -m iclight_standalone page` serves a small page for this machine's browser.
"""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from lib_iclight.errors import ICLightError

from .relighter import PROMPT, SEED, STEPS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    :param arguments: `demo` or `page` first, or the pictures; nothing at all is the demo.
    :returns: the exit status: 2 where something that the user can put right is wrong.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments) or ["demo"]
    try:
        if arguments[0] == "demo":
            from . import demo

            return demo.run(_make_demo_parser().parse_args(arguments[1:]))
        if arguments[0] == "page":
            from . import page

            return page.run(_make_page_parser().parse_args(arguments[1:]))
        from . import command

        return command.relight_pictures(_make_relight_parser().parse_args(arguments))
    except ICLightError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:  # a path that the system won't look at
        print(f"{error.filename} can't be used: {error.strerror}." if error.filename else error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return 130


def _make_relight_parser() -> argparse.ArgumentParser:
    parser = _make_parser(
        "",
        "Relight pictures, or every picture of a folder, with IC-Light.",
        "The first word demo (or none at all) writes a sheet, and page serves a small page: "
        "see `demo --help` and `page --help`. (A folder of such a name is ./demo.)",
    )
    parser.add_argument("pictures", nargs="+", type=Path, metavar="PICTURE", help="what is to be relit, or a folder")
    parser.add_argument(
        "--light",
        metavar="SIDE",
        help="where the light comes from: left (if nothing is said), right, top, bottom, ambient, none, or a picture "
        "of the light",
    )
    parser.add_argument(
        "--background",
        metavar="PICTURE",
        help="what the subject is to stand in, or left, right, top, bottom, ambient, own (what is around it in its own "
        "picture), lights",
    )
    parser.add_argument("--prompt", default=PROMPT, help="subject and light (%(default)s)")
    parser.add_argument("--negative-prompt", default="")
    parser.add_argument("--output", type=Path, metavar="WHERE", help="a folder, or a .png file (outputs/relit)")
    parser.add_argument("--cfg", type=float, help="guidance (2; real weights with a background 7)")
    _add_sampling_options(parser)
    parser.add_argument("--width", type=int, help="in pixels, in steps of 8 (the picture's shape)")
    parser.add_argument("--height", type=int, help="in pixels, in steps of 8 (the picture's shape)")
    _add_settings(parser)
    return parser


def _make_demo_parser() -> argparse.ArgumentParser:
    parser = _make_parser("demo", "Relight two subjects from four sides, and write one sheet.")
    parser.add_argument("--prompt", default=PROMPT, help="the light's colour (%(default)s)")
    parser.add_argument(
        "--output", type=Path, metavar="FILE", default=Path("outputs/demo.png"), help="the sheet (%(default)s)"
    )
    _add_sampling_options(parser)
    parser.add_argument("--size", type=int, help="of each picture, in pixels (the model's own)")
    return parser


def _make_page_parser() -> argparse.ArgumentParser:
    parser = _make_parser("page", "Serve a small page that relights, for this machine's own browser only.")
    parser.add_argument("--port", type=int, help="the first free one from 7860 on, if nothing is said")
    parser.add_argument("--steps", type=int, default=STEPS, help="%(default)s")
    parser.add_argument("--size", type=int, help="side of a square picture, in pixels (the model's own)")
    return parser


def _make_parser(word: str, description: str, epilog: str | None = None) -> argparse.ArgumentParser:
    """A parser with the options that every command has: which models are used."""
    parser = argparse.ArgumentParser(
        prog=f"python -m iclight_standalone {word}".strip(), description=description, epilog=epilog
    )
    models = parser.add_argument_group(
        "models", "Without these, Forge's own if this folder lies in its extensions, else the repository's small ones."
    )
    models.add_argument("--checkpoint", type=Path, metavar="FILE", help="an SD 1.5 checkpoint (safetensors)")
    models.add_argument("--iclight", type=Path, metavar="FILE", help="an IC-Light model (safetensors)")
    models.add_argument("--small", action="store_true", help="the small models, whatever Forge has")
    return parser


def _add_sampling_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--steps", type=int, default=STEPS, help="%(default)s")
    parser.add_argument("--seed", type=int, default=SEED, help="%(default)s; -1 draws one")


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """The settings of the panel and the API, but for pictures: `light_denoise` is `--light-denoise`."""
    from lib_iclight.setting_types import Number, Switch

    from .command import SETTINGS

    settings = parser.add_argument_group("settings", "As in the web UI's panel.")
    for name, setting in SETTINGS.items():
        option, shown = "--" + name.replace("_", "-"), setting.help.replace("%", "%%")
        if isinstance(setting, Switch):
            settings.add_argument(option, action="store_true", default=None, help=shown)
        elif isinstance(setting, Number):
            settings.add_argument(
                option, type=float, metavar="NUMBER", help=f"{setting.low:g} to {setting.high:g}: {shown}"
            )
        else:
            settings.add_argument(option, metavar="TEXT", help=shown)


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):  # not every console can show every file's name
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())

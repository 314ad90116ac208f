"""`python -m lib_iclight.weights`: the models' files, listed, fetched, checked, converted and removed."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Sequence
from pathlib import Path

from ..errors import ICLightError
from .catalogue import read_catalogue
from .convert import convert
from .fetch import fetch
from .jobs import console_bar
from .manifest import ManifestFile, find_entry, is_whole, manifest, part_of, state_of, state_of_other, stored_bytes


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 where `verify` finds fault, 2 with one sentence on stderr."""
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except ICLightError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"{error.filename or options.folder} can't be used: {error.strerror or error}.", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped. What has come is kept for the next time.", file=sys.stderr)
        return 130


def default_folder() -> Path:
    """Forge's `models/ic-light` when the extension lies in Forge, else the one in the current folder."""
    extension = Path(__file__).absolute().parents[2]
    inside = extension.parent.name == "extensions"
    return (extension.parents[1] if inside else Path()) / "models" / "ic-light"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lib_iclight.weights", description="IC-Light's model files.")
    parser.add_argument(
        "--folder", type=Path, default=default_folder(), help="where the files are (default: %(default)s)"
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def add(name: str, run: object, text: str, names: str | None = None) -> argparse.ArgumentParser:
        command = commands.add_parser(name, help=text, description=text)
        command.set_defaults(run=run)
        if names:
            command.add_argument("names", nargs=names, metavar="NAME", help="a file that `list` shows")
        return command

    add("list", _list, "show what there is to fetch, and what is there, by size")
    add("fetch", _fetch, "fetch files, going on where an earlier fetch stopped", "+")
    add("verify", _verify, "read files and compare their sha256; without names, all that are there", "*")
    add("remove", _remove, "delete files and what was fetched of them", "+")
    command = add("convert", _convert, "write a file with diffusers names anew under ldm names")
    command.add_argument("source", type=Path)
    command.add_argument("target", type=Path)
    return parser


def _files(options: argparse.Namespace) -> list[ManifestFile]:
    """The files that were named: all of them are known before anything is done with the first."""
    return [find_entry(name) for name in options.names]


def _list(options: argparse.Namespace) -> int:
    files, catalogue = manifest().values(), read_catalogue([options.folder])
    width = max(len(file.name) for file in files)
    for file in files:
        state = state_of(file, catalogue).value
        sources = f"{file.sha256_sources} source{'s' if file.sha256_sources > 1 else ''}"
        print(
            f"{file.name:{width}}  {file.size / 1e6:7.1f} MB  {state:8}  {file.licence:10}  "
            f"sha256 from {sources:10}  {file.purpose}"
        )
    print(f"in {options.folder}; sizes were compared, verify compares every byte")
    return 0


def _fetch(options: argparse.Namespace) -> int:
    for file in _files(options):
        with console_bar(file) as show:
            path = fetch(file, options.folder, show)
        print(path)
    return 0


def _verify(options: argparse.Namespace) -> int:
    files = _files(options) or [file for file in manifest().values() if (options.folder / file.name).exists()]
    if not files:
        raise ICLightError(f"There is nothing to verify in {options.folder}: fetch a file first.")
    faults = 0
    for file in files:
        path = options.folder / file.name
        whole = is_whole(path, file)
        faults += not whole
        fault = state_of_other(file, path).value if path.exists() else "missing"
        print(f"{file.name}: {'right' if whole else fault}")
    return 1 if faults else 0


def _remove(options: argparse.Namespace) -> int:
    for file in _files(options):
        path = options.folder / file.name
        if not path.exists() and not stored_bytes(file, options.folder):
            raise ICLightError(f"There is no {file.name} in {options.folder}.")
        path.unlink(missing_ok=True)
        part_of(file, options.folder).unlink(missing_ok=True)
        print(f"removed {path}")
    return 0


def _convert(options: argparse.Namespace) -> int:
    renamed = convert(options.source, options.target)
    print(f"{options.target}: {renamed} tensors renamed")
    return 0


if __name__ == "__main__":
    # folders have names that a console's encoding (many on Windows know 256 characters) can't show
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main())

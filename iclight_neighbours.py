"""Other IC-Light extensions beside this one: two of them can't be used in one Forge.

A module of its own in the extension's folder, because `lib_iclight` may turn out to be the other one's. Knows only the
standard library: `install.py` runs it at every start.
"""

from __future__ import annotations

import importlib.machinery
import sys
import types
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

_PACKAGES = ("lib_iclight", "libiclight")
"""What IC-Light extensions call their packages: Haoming02's (and this one), huchenlei's."""


def other_extensions(folders: Iterable[Path], own: Path) -> list[Path]:
    """Those of the extensions' folders that hold another IC-Light extension, each once.

    :param own: this extension's folder.
    """
    return [
        folder
        for folder in dict.fromkeys(folders)
        if any((folder / package).is_dir() for package in _PACKAGES) and not folder.samefile(own)
    ]


def other_extensions_beside(own: Path) -> list[Path]:
    """Those beside this extension's folder, but for the ones that are switched off in the web UI's settings."""
    others = other_extensions(sorted(own.parent.iterdir()), own)
    if not others:
        return []
    import json  # nearly nobody needs it, and it takes 3 ms of every start

    try:
        settings = json.loads((own.parent.parent / "config.json").read_text(encoding="utf-8"))
        disabled = set(settings.get("disabled_extensions", ()))
    except (OSError, ValueError, AttributeError, TypeError):
        return others
    return [folder for folder in others if folder.name not in disabled]


def notice(others: Sequence[Path]) -> str:
    """What the user is told: one sentence, with the folders to remove."""
    folders = " and ".join(str(folder) for folder in others)
    return (
        f"There is another IC-Light extension in {folders}: remove that folder and restart Forge, "
        "because two IC-Light extensions can't be used side by side."
    )


def find_notice(own: Path, folders: Iterable[Path]) -> str | None:
    """What to say about other IC-Light extensions, if there are any; the console is told at once.

    :param own: this extension's folder.
    :param folders: those of the extensions that are switched on.
    """
    others = other_extensions(folders, own)
    if not others:
        return None
    print_to_console(f"IC Light: {notice(others)}")
    return notice(others)


def load_notice_script(own: Path, sentence: str | None = None) -> type:
    """The Script that stands in for this extension's, loaded by its path: `lib_iclight` may be another extension's.

    :param own: this extension's folder.
    :param sentence: why; None where another extension's package is in the way.
    """
    path = own / "lib_iclight" / "hosts" / "notice_script.py"
    loader = importlib.machinery.SourceFileLoader("iclight_notice_script", str(path))
    module = types.ModuleType(loader.name)
    module.__file__ = str(path)
    loader.exec_module(module)
    module.ICLightNotice.notice = module.find_other_package() if sentence is None else sentence
    return module.ICLightNotice


def print_to_console(text: str) -> None:
    """Print a line, whatever characters the console's encoding has (many on Windows know 256): others are escaped."""
    encoding = getattr(sys.stdout, "encoding", None) or "ascii"
    print(text.encode(encoding, "backslashreplace").decode(encoding))


def misdirected(p: Any, script: Any) -> bool:
    """Whether a request over the API went to another script of the same title: the web UI takes the first.

    :param p: the generation.
    :param script: this extension's script, whose requests are dicts.
    """
    title = script.title().lower()
    return any(
        each is not script
        and each.title().lower() == title
        and any(isinstance(value, dict) for value in p.script_args[each.args_from : each.args_to])
        for each in p.scripts.alwayson_scripts
    )

"""Lists a folder's models for four panels in a process of its own, and says what Python opened and listed for each."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from lib_iclight.foreground import METHODS
from lib_iclight.ui import choices
from lib_iclight.weights import read_catalogue


def main(own: Path, folder: Path) -> None:
    """Print a JSON list: for each panel, how often each kind of event happened in the folder."""
    counts: list[Counter[str]] = []

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if counts and event in ("open", "os.scandir", "os.listdir") and str(arguments[0]).startswith(str(folder)):
            counts[-1][event] += 1

    sys.addaudithook(note)
    for _ in range(4):
        counts.append(Counter())
        catalogue = read_catalogue([own, folder])
        listed = choices.list_models(catalogue)
        choices.describe_model(listed.chosen, catalogue)
        for method in METHODS.values():
            choices.describe_cutout(method.label, catalogue)
    told = list(counts)
    counts.clear()
    print(json.dumps(told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

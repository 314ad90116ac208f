"""Lists of words that a click puts into the tab's prompt: `quick_prompts.json`, and a text file of the user's own."""

from __future__ import annotations

import codecs
import functools
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..text import make_printable

_MOST_BYTES = 64 * 1024
_MOST_LINES = 200
_LONGEST_LINE = 300
"""What is read of a file of one's own: a page with more buttons helps nobody, and takes long to draw."""

_END = r"(?=\s*(?:[,\n]|\Z))"
"""What follows words that are whole."""


@functools.lru_cache(maxsize=1)
def quick_prompts() -> Mapping[str, Sequence[str]]:
    """The extension's own words, by their list's name."""
    return json.loads(Path(__file__).with_name("quick_prompts.json").read_text(encoding="utf-8"))


def read_own_prompts(path: Path | None) -> list[str]:
    """The user's own words, one entry a line; none where there is no such file, or it can't be read.

    Empty lines and those that begin with `#` are left out. Bytes that are no text are shown as such, and of a huge
    file only the beginning is read: whatever it holds, the page opens.
    """
    if path is None:
        return []
    try:
        if not path.is_file():
            return []
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError:
        return []
    lines = _decode(data).splitlines()
    if len(data) > _MOST_BYTES:
        lines = lines[:-1]  # it may have been cut through
    words = [" ".join(make_printable(line).split()).strip(", ") for line in lines if not line.lstrip().startswith("#")]
    return list(dict.fromkeys(each for each in words if 0 < len(each) <= _LONGEST_LINE))[:_MOST_LINES]


def toggle_words(prompt: str, words: str) -> str:
    """The prompt with words appended, or without them where it has them; all else stays as it was typed.

    :param words: of one line, without commas around them.
    """
    escaped = re.escape(words)
    if appended := list(re.finditer(f", {escaped}{_END}", prompt)):
        return prompt[: appended[-1].start()] + prompt[appended[-1].end() :]
    if first := re.match(rf"(\s*){escaped}(?:, ?|{_END})", prompt):
        return first[1] + prompt[first.end() :]
    return prompt + (", " if prompt.strip() else "") + words


def _decode(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):  # as Windows' editor may save it
        return data.decode("utf-16", errors="replace")
    return data.decode("utf-8-sig", errors="replace")

"""Text of unknown content, such as file names and what is in a file's header, where the page takes markup."""

from __future__ import annotations

import html
import re

from ..text import make_printable

_ACTIVE = re.compile(r"[!-/:-@\[-`{-~]")
"""ASCII's punctuation: each may be escaped by a backslash, and no other character means anything (CommonMark 0.31,
"Backslash escapes")."""


def as_markdown_text(text: str) -> str:
    """The text in one line of Markdown that shows just it: no HTML, no links, no pictures, no formulas."""
    line = " ".join(make_printable(text).split())
    return _ACTIVE.sub(r"\\\g<0>", line)


def as_html_text(text: str) -> str:
    """The text in one line of HTML that shows just it: gradio's pop-ups (`gr.Error`, `gr.Warning`) take HTML."""
    return html.escape(make_printable(text))

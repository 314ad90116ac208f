"""Text from files and requests, as a sentence may hold it."""

from __future__ import annotations


def make_printable(text: str) -> str:
    """The text on one line: every white space is a space, and what can't be printed a question mark in a diamond."""
    return "".join(each if each.isprintable() else " " if each.isspace() else "\ufffd" for each in text)


def shorten(text: str, longest: int = 100) -> str:
    """The text printable, and cut after so many characters: a file's header may hold a name of millions."""
    return make_printable(text[:longest]) + ("…" if len(text) > longest else "")

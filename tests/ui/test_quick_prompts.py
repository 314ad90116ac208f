"""Words that go into the prompt and out of it again, and the file of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib_iclight.ui.quick_prompts import quick_prompts, read_own_prompts, toggle_words

LISTED = [words for each in quick_prompts().values() for words in each]

PART = st.text("abc ().:,\n\\<>*é🌙", max_size=12)
PROMPT = st.one_of(PART, st.lists(st.sampled_from(LISTED) | PART, max_size=6).map(", ".join))
WORDS = st.one_of(
    st.sampled_from(LISTED),
    st.text("abc ().:,\\*é🌙", min_size=1, max_size=12).map(lambda text: text.strip(", ")).filter(bool),
)


@given(PROMPT, WORDS)
def test_twice_is_the_same_prompt(prompt: str, words: str) -> None:
    """Where the words were in it before, they come back at its end: that is where a click puts them."""
    once = toggle_words(prompt, words)
    assert once != prompt
    if once.startswith(prompt):
        assert toggle_words(once, words) == prompt
    else:
        again = toggle_words(once, words)
        assert len(once) < len(prompt) and (again.endswith(words) or len(again) < len(once)), "it may hold them twice"


@given(PROMPT, WORDS)
def test_only_the_words_come_and_go(prompt: str, words: str) -> None:
    once = toggle_words(prompt, words)
    longer, shorter = (once, prompt) if len(once) > len(prompt) else (prompt, once)
    changed = {words, f", {words}", f"{words}, ", f"{words},"}
    assert any(
        longer[:start] + longer[start + len(each) :] == shorter and longer[start:].startswith(each)
        for each in changed
        for start in range(len(longer))
    )


@given(PART, st.lists(st.sampled_from(LISTED), min_size=1, unique=True), st.data())
def test_words_are_taken_back_in_any_order(typed: str, chosen: list[str], data: st.DataObject) -> None:
    prompt = typed
    for words in chosen:
        prompt = toggle_words(prompt, words)
    assert prompt == (", ".join([typed, *chosen]) if typed.strip() else typed + ", ".join(chosen))
    for words in data.draw(st.permutations(chosen)):
        prompt = toggle_words(prompt, words)
    assert prompt == typed


@pytest.mark.parametrize(
    ("prompt", "words", "expected"),
    [
        ("", "a moon", "a moon"),
        ("a moon", "a moon", ""),
        ("a cat", "a moon", "a cat, a moon"),
        ("a cat, a moonlit sea", "a moon", "a cat, a moonlit sea, a moon"),
        ("a cat, a moon, rain", "a moon", "a cat, rain"),
        ("a moon, rain", "a moon", "rain"),
        ("a moon, a cat, a moon", "a moon", "a moon, a cat"),
        ("a cat, a moon\nBREAK rain", "a moon", "a cat\nBREAK rain"),
        ("a cat, (a moon:1.2)", "a moon", "a cat, (a moon:1.2), a moon"),
        ("a cat, f(x)*", "f(x)*", "a cat"),
    ],
)
def test_words_are_found_where_they_are_whole(prompt: str, words: str, expected: str) -> None:
    assert toggle_words(prompt, words) == expected


def test_the_lists_are_words_that_can_be_toggled() -> None:
    assert {name: len(words) for name, words in quick_prompts().items()} == {"subjects": 10, "lights": 12}
    assert len(set(LISTED)) == len(LISTED)
    for words in LISTED:
        assert words == " ".join(words.split()).strip(", ") and len(words) <= 60, "gradio shows no more"


# ------------------------------------------------------------------------------------------------ one's own


def read(folder: Path, data: bytes) -> list[str]:
    path = folder / "own.txt"
    path.write_bytes(data)
    return read_own_prompts(path)


def test_ones_own_are_one_a_line(tmp_path: Path) -> None:
    text = "a quay in the rain\r\n\r\n# not this\n  , red  lamps, \na quay in the rain\n<b>*é*\n,\n"
    expected = ["a quay in the rain", "red lamps", "<b>*é*"]
    assert read(tmp_path, text.encode()) == expected
    assert read(tmp_path, b"\xef\xbb\xbf" + text.encode()) == expected
    assert read(tmp_path, text.encode("utf-16")) == expected


def test_a_missing_or_strange_file_has_none(tmp_path: Path) -> None:
    assert read_own_prompts(None) == [] == read_own_prompts(tmp_path / "gone.txt") == read_own_prompts(tmp_path)
    assert read(tmp_path, b"") == []
    assert read(tmp_path, b"fine\n\xff\xfe\x00broken\nalso fine")[::2] == ["fine", "also fine"]
    assert read(tmp_path, b"\xff\xfea\x00b") == ["a\ufffd"], "half a letter"


def test_a_huge_file_is_not_read_to_its_end(tmp_path: Path) -> None:
    lines = read(tmp_path, b"".join(b"%07d\n" % number for number in range(10_000_000 // 8)))
    assert len(lines) == 200 and lines[-1] == "0000199"
    assert read(tmp_path, b"# x\n" * 1_000_000 + b"late\nlater\n") == []
    assert read(tmp_path, b"x" * 10_000_000) == []
    assert read(tmp_path, b"a\n" + b"\xff" * 10_000_000) == ["a"]


@given(st.binary(max_size=300))
def test_whatever_it_holds_its_words_can_be_toggled(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    for words in read(tmp_path_factory.getbasetemp(), data):
        assert toggle_words(toggle_words("a cat", words), words) == "a cat"

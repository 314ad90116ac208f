"""What nobody knows beforehand is shown as it is, in Markdown and in HTML."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from lib_iclight.ui.markup import as_html_text, as_markdown_text

MARKDOWN = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])

MARKS = (
    r"[a](b) ![a](b) <b> &lt; ` ``` # - 1. > *** __a__ ~~a~~ \*a\* --- === |a|b| |-|-| \ $$ http://a.b <a@b.c> [a]: a"
)
FRAGMENTS = ["<img src=x>", *MARKS.split()]
SPACES = [" ", "    ", "\t", "\n", "\r\n", "\u2028"]

HOSTILE = st.text() | st.lists(st.sampled_from([*FRAGMENTS, *SPACES])).map("".join)


def visible(text: str) -> str:
    """What a reader should see: white space is all one, and there is a sign for what can't be printed."""
    return " ".join("".join(" " if c.isspace() else c if c.isprintable() else "\ufffd" for c in text).split())


@given(HOSTILE)
@example("$$\\href{javascript:alert(1)}{a}$$")
@example("*fc*.safetensors is <script>alert(1)</script>")
def test_markdown_shows_the_text_and_nothing_else(text: str) -> None:
    """Alone, and between Markdown that is meant."""
    alone = MARKDOWN.parse(as_markdown_text(text))
    assert [child.content for token in alone for child in token.children or []] == [visible(text)][: len(alone)]
    assert [token.type for token in alone] == ["paragraph_open", "inline", "paragraph_close"] * bool(visible(text))

    tokens = MARKDOWN.parse(f"**a** {as_markdown_text(text)} [b](c)")
    assert [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]
    children = tokens[1].children or []
    kinds = [child.type for child in children if child.type not in ("text", "text_special")]
    assert kinds == ["strong_open", "strong_close", "link_open", "link_close"]
    assert " ".join("".join(child.content for child in children).split()) == " ".join(f"a {visible(text)} b".split())


@given(HOSTILE)
def test_formulas_need_two_dollars_in_a_row(text: str) -> None:
    """gradio takes them out before it looks at the Markdown."""
    assert "$$" not in as_markdown_text(text)


class Reader(HTMLParser):
    """Reads text, and takes note of everything else."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.others = "", 0

    def handle_data(self, data: str) -> None:
        self.text += data

    def count(self, *_: object) -> None:
        self.others += 1

    handle_starttag = handle_endtag = handle_comment = handle_decl = handle_pi = count  # type: ignore[assignment]


@given(HOSTILE)
def test_html_shows_the_text_and_nothing_else(text: str) -> None:
    reader = Reader()
    reader.feed(as_html_text(text))
    reader.close()
    assert reader.others == 0
    assert " ".join(reader.text.split()) == visible(text)

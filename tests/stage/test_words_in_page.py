"""Which words the page shows as chosen: those that a click takes out of the prompt again."""

from __future__ import annotations

from typing import Any

import pytest

from iclight_workshop.host_bench import REPOSITORY
from lib_iclight.ui.quick_prompts import toggle_words

WORDS = ["warm light", "a lamp, lit", "neon (red) [a|b] $1 .*", "Straße 🌆", "light"]

PROMPTS = [
    "",
    "  {}",
    "{}",
    "{}, a cat",
    "{},a cat",
    "a cat, {}",
    "a cat,{}",
    "a cat\n{}",
    "a cat, {}\n",
    "a cat, {} , b",
    "a cat, very {}",
    "a cat, {} bulb",
    "a cat, ({}:1.2)",
]


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("words", WORDS)
def test_words_are_marked_that_a_click_takes_out(page: Any, words: str, prompt: str) -> None:
    typed = prompt.format(words)
    page.set_content("<div id='iclight_txt2img_words_lights'><button></button></div>")
    page.locator("button").evaluate("(button, words) => { button.textContent = words; }", words)
    page.evaluate("prompt => iclight.markWords('txt2img', prompt)", typed)
    is_taken_out = len(toggle_words(typed, words)) < len(typed)
    assert page.locator("button").get_attribute("aria-pressed") == str(is_taken_out).lower()


def test_words_that_were_not_told_are_not_told_later(page: Any) -> None:
    """gradio drops a press while it waits for the answer to another."""
    page.set_content(
        "<div class='iclight-prompts' id='iclight_txt2img_words_lights'><button>a</button><button>b</button></div>"
    )
    page.add_script_tag(path=REPOSITORY / "javascript" / "iclight_tab_help.js")  # which listens to this document
    page.get_by_text("a").click()
    page.get_by_text("b").click()
    assert page.evaluate("[iclight.takeWords(), iclight.takeWords()]") == ["b", ""]

"""What is said of the checkpoint that is chosen, in the page of a real Forge. Nothing is generated.

It has a module of its own, as two Forges in one folder at a time take each other's extensions away.
"""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from .test_around import advice, forge, open_page

CHECKPOINTS = ":is(#setting_sd_model_checkpoint, .model_selection)"
"""The list of checkpoints, however the web UI has it."""


def test_a_checkpoint_that_would_be_refused_is_told_beforehand(tmp_path: Path, browser: Browser) -> None:
    with forge(tmp_path, "painter") as server:
        page = open_page(server, browser, "txt2img")
        refusal = "The checkpoint painter.safetensors is an inpainting checkpoint"
        expect(advice(page)).to_contain_text(refusal)
        for name in ("good", "painter", "good"):
            page.page.locator(f"{CHECKPOINTS} input").first.click()
            page.entries(name, whole=False).click()
            if name == "good":
                expect(advice(page)).to_be_hidden()
            else:
                expect(advice(page)).to_contain_text(refusal)
        page.page.close()

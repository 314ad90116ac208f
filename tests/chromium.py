"""A real browser for tests of pages. Without Playwright or Chromium they are skipped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from iclight_workshop import chromium as workshop


@contextmanager
def chromium() -> Iterator[Any]:
    """The workshop's browser, or a test that is skipped."""
    pytest.importorskip("playwright.sync_api")
    if workshop.find_chromium() is None:
        pytest.skip("needs Chromium on the PATH, or its path in CHROMIUM")
    with workshop.chromium() as browser:
        yield browser


class StageHandles:
    """The stage of a tab's panel, in any page."""

    def __init__(self, page: Any, tab: str) -> None:
        self.page = page
        self.tab = tab
        self.root = page.locator(f'.iclight-stage[data-tab="{tab}"]')

    def button(self, name: str) -> Any:
        """One of the stage's buttons."""
        return self.root.get_by_role("button", name=name, exact=True)

    @property
    def subject(self) -> Any:
        """The subject's handle."""
        return self.root.locator(".iclight-subject")

    def light(self, number: int) -> Any:
        """A light's handle, counted from 1."""
        return self.root.locator(f'.iclight-light[aria-label*=" {number}, "]')

    def drag(self, handle: Any, right: float, down: float) -> None:
        """Drag a handle's middle to a point, in shares of the frame."""
        canvas = self.root.locator("canvas")
        canvas.scroll_into_view_if_needed()
        start, frame = handle.bounding_box(), canvas.bounding_box()
        self.page.mouse.move(start["x"] + start["width"] / 2, start["y"] + start["height"] / 2)
        self.page.mouse.down()
        self.page.mouse.move(frame["x"] + right * frame["width"], frame["y"] + down * frame["height"], steps=8)
        self.page.mouse.up()

    def wait_until_drawn(self) -> None:
        """Wait until the stage has drawn all that it was told, with what Python drew for it."""
        self.page.wait_for_function("tab => window.iclight.stage(tab).isAtRest", arg=self.tab)

"""What helps with the tab's own settings: advice on values that are known to fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from ..hosts import Host
from ..hosts.tab import TabPart, TabParts
from ..setting_types import Tab
from ..weights.kind import Kind
from .advice import advise, advise_on_checkpoint
from .parts import QUIET

_ADVISED_ON = (
    TabPart.CFG,
    TabPart.WIDTH,
    TabPart.HEIGHT,
    TabPart.DENOISING,
    TabPart.HIRES,
    TabPart.HIRES_CFG,
)


class TabHelp:
    """The parts of one panel that read and set components outside of it.

    They are no settings of a request, and nothing of them is saved as a default. Each is hidden until
    :meth:`connect` has found what it is for.
    """

    def __init__(
        self, tab: Tab, host: Host, element_id: Callable[[str], str], kind_of: Callable[[str | None], Kind]
    ) -> None:
        """:param element_id: what a part is called in the page.

        :param kind_of: what a model of the panel's list looks at.
        """
        self.tab = tab
        self.host = host
        self.element_id = element_id
        self.kind_of = kind_of

    def build_advice(self) -> None:
        """What is known to fail among the tab's values."""
        self.advice = gr.Markdown(visible=False, latex_delimiters=[], elem_id=self.element_id("advice"))

    def connect(self, panel: dict[str, Any], tab_parts: TabParts) -> None:
        """Make it work, inside the blocks that all of this was built in.

        :param panel: the panel's components by setting.
        """
        self._connect_advice(panel, tab_parts)

    def _connect_advice(self, panel: dict[str, Any], tab_parts: TabParts) -> None:
        """Advise on each change, and when the page or the panel is opened, as another checkpoint may be chosen then."""
        listened = [part for part in _ADVISED_ON if part in tab_parts]
        resizes_by = gr.State(False)
        inputs = [panel["model"], resizes_by, *(tab_parts[part] for part in listened)]

        def show(model: str | None, resizes_by: bool, *values: Any) -> Any:
            given = dict(zip(listened, values, strict=True))
            if resizes_by:  # a factor on the picture's own size, whatever width and height are set to
                given = {part: value for part, value in given.items() if part not in (TabPart.WIDTH, TabPart.HEIGHT)}
            advice = advise(self.kind_of(model), self.tab, given)
            advice += advise_on_checkpoint(self.host.webui.chosen_checkpoint())
            return gr.update(value="\n\n".join(advice), visible=bool(advice))

        for component in (panel["enabled"], panel["model"], *(tab_parts[part] for part in listened)):
            component.change(show, inputs, self.advice, **QUIET)
        for part, tell in ((TabPart.RESIZE_TO, lambda: False), (TabPart.RESIZE_BY, lambda: True)):
            if part in tab_parts:
                opened = tab_parts[part].select(tell, None, resizes_by, **QUIET)
                opened.then(show, inputs, self.advice, **QUIET)
        gr.context.Context.root_block.load(show, inputs, self.advice, **QUIET)

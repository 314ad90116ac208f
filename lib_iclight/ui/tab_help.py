"""What helps with the tab's own settings: advice on values that are known to fail, values that work, words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from ..errors import ICLightError
from ..fields import SETTINGS
from ..hosts import Host
from ..hosts.tab import TabPart, TabParts
from ..pictures import Picture
from ..setting_types import Tab
from ..weights.kind import Kind
from .advice import advise, advise_on_checkpoint
from .markup import as_html_text
from .parts import QUIET, UNNAMED, listen, on_change, on_open
from .quick_prompts import quick_prompts, read_own_prompts, toggle_words
from .recommended import recommend
from .size import choose_size

_ADVISED_ON = (
    TabPart.CFG,
    TabPart.WIDTH,
    TabPart.HEIGHT,
    TabPart.DENOISING,
    TabPart.HIRES,
    TabPart.HIRES_CFG,
)

_RECOMMENDED = {
    Tab.TXT2IMG: "Recommended are the sampler, steps and CFG that suit the model, and those of Hires. fix, which you "
    "switch on yourself.",
    Tab.IMG2IMG: "Recommended are the sampler, steps and CFG that suit the model, and the Denoising strength where it "
    "has to be high.",
}
"""What the button is said to set."""

_LISTS = {"subjects": "Words for the subject", "lights": "Words for the light", "own": "Words of your own"}
"""Labels of the lists of words."""


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
        # Its own value, the last of an event's inputs, is the place that the page's script puts something in.
        self.advise = gr.Button("", visible=False, elem_id=self.element_id("advise"))

    def build_size(self) -> None:
        """The button beside the subject."""
        self.size = gr.Button(
            "Size from the subject", size="sm", visible=False, elem_id=self.element_id("size_from_subject")
        )

    def build_lists(self) -> None:
        """The button for values that work, and lists of words for the prompt."""
        with gr.Accordion(
            "Help with settings and prompt", open=False, visible=False, elem_id=self.element_id("tab_help")
        ) as self.accordion:
            self.recommend = gr.Button(
                "Recommended values", size="sm", visible=False, elem_id=self.element_id("recommend")
            )
            self.help = gr.HTML("", elem_id=self.element_id("words"))
            self.toggle = gr.Button("", visible=False, elem_id=self.element_id("toggle_words"))

    def _list_all_words(self) -> str:
        """All lists as HTML."""
        lists = {**quick_prompts(), "own": read_own_prompts(self.host.webui.own_prompts_file())}
        listed = "".join(self._list_words(name, words) for name, words in lists.items() if words)
        return f"<p>A click puts words into the prompt, another takes them out again.</p>{listed}"

    def _list_words(self, name: str, words: Sequence[str]) -> str:
        """A list as HTML. (With gradio's own, `Dataset`, the page draws itself anew without end in gradio 4.40.)"""
        buttons = "".join(f"<button type='button'>{as_html_text(each)}</button>" for each in words)
        return (
            f"<div class='iclight-bar iclight-prompts' id='{self.element_id(f'words_{name}')}'>"
            f"<span>{as_html_text(_LISTS[name])}</span>{buttons}</div>"
        )

    def connect(self, panel: dict[str, Any], tab_parts: TabParts) -> None:
        """Make it work, inside the blocks that all of this was built in.

        :param panel: the panel's components by setting.
        """
        resizes_by = gr.State(False)
        self._connect_advice(panel, tab_parts, resizes_by)
        if TabPart.WIDTH in tab_parts and TabPart.HEIGHT in tab_parts:
            size = [tab_parts[TabPart.WIDTH], tab_parts[TabPart.HEIGHT]]
            # Pop-ups can't be shown by an event that passes the queue by.
            listen(self.size.click, _size_from_subject, [panel["subject"], resizes_by], size, **UNNAMED)
            self.size.visible = True
        self._connect_recommended(panel, tab_parts)
        if TabPart.PROMPT in tab_parts:
            prompt = tab_parts[TabPart.PROMPT]
            with_words = "(_, prompt) => [window.iclight?.takeWords() ?? '', prompt]"
            listen(self.toggle.click, _toggle, [self.toggle, prompt], prompt, js=with_words, **QUIET)
            mark = f"(prompt) => {{ window.iclight?.markWords('{self.tab.value}', prompt); }}"
            listen(prompt.change, None, prompt, js=mark, **UNNAMED)
            self.help.value += self._list_all_words()
            self.accordion.visible = True

    def _connect_advice(self, panel: dict[str, Any], tab_parts: TabParts, resizes_by: gr.State) -> None:
        """Advise on each change, when another checkpoint is chosen, and when the page or the panel is opened.

        :param resizes_by: is kept up to date: whether the tab goes by a factor on the picture's size.
        """
        listened = [part for part in _ADVISED_ON if part in tab_parts]
        inputs = [panel["model"], resizes_by, *(tab_parts[part] for part in listened), self.advise]

        def show(model: str | None, resizes_by: bool, *values: Any) -> Any:
            *numbers, checkpoint_name = values
            given = dict(zip(listened, numbers, strict=True))
            if resizes_by:  # width and height don't count, whatever they are set to
                given = {part: value for part, value in given.items() if part not in (TabPart.WIDTH, TabPart.HEIGHT)}
            advice = advise(self.kind_of(model), self.tab, given)
            advice += advise_on_checkpoint(self.host.webui.chosen_checkpoint(checkpoint_name or ""))
            return gr.update(value="\n\n".join(advice), visible=bool(advice))

        deciding = [panel["enabled"], panel["model"], *(tab_parts[part] for part in listened)]
        on_change(deciding, show, inputs, self.advice, **QUIET)
        # gradio hands over the outputs' values behind the inputs'.
        given = f"...values.slice(0, {len(inputs) - 1})"
        with_name = f"(...values) => [{given}, window.iclight?.checkpointName() ?? '']"
        listen(self.advise.click, show, inputs, self.advice, js=with_name, **QUIET)
        for part, tell in ((TabPart.RESIZE_TO, lambda: False), (TabPart.RESIZE_BY, lambda: True)):
            if part in tab_parts:
                opened = listen(tab_parts[part].select, tell, None, resizes_by, **QUIET)
                listen(opened.then, show, inputs, self.advice, **QUIET)
        on_open(show, inputs, self.advice, **QUIET)

    def _connect_recommended(self, panel: dict[str, Any], tab_parts: TabParts) -> None:
        settable = [part for kind in Kind for part in recommend(kind, self.tab, tab_parts)]
        settable = list(dict.fromkeys(settable))
        if not settable:
            return

        def set_values(model: str | None) -> Any:
            values = recommend(self.kind_of(model), self.tab, tab_parts)
            updates = [gr.update(value=values[part]) if part in values else gr.update() for part in settable]
            return updates if len(updates) > 1 else updates[0]

        listen(self.recommend.click, set_values, panel["model"], [tab_parts[part] for part in settable], **QUIET)
        self.help.value = f"<p>{_RECOMMENDED[self.tab]}</p>{self.help.value}"
        self.recommend.visible = self.accordion.visible = True


def _toggle(chosen: str, prompt: str) -> str:
    return toggle_words(prompt, chosen) if chosen else prompt


def _size_from_subject(subject: Any, resizes_by: bool) -> tuple[int, int]:
    """The tab's width and height, in pixels.

    :param subject: what the panel's component holds.
    :param resizes_by: whether the tab goes by a factor instead.
    """
    try:
        if subject is None:
            raise ICLightError("There is no picture in Subject to take the size of.")
        picture = Picture.from_panel(subject, SETTINGS["subject"].label)
    except ICLightError as error:
        raise gr.Error(as_html_text(str(error))) from error
    if resizes_by:
        gr.Warning("The tab resizes by a factor: width and height count once it resizes to a size.")
    return choose_size(picture.width, picture.height)

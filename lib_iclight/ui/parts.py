"""Components made from the table of settings: label, help, range, default and choices are said once, there."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from ..fields import DEFAULTS, SETTINGS
from ..lights import LightsSetting
from ..setting_types import Choice, Number, PictureSetting, Switch, Tab

UNNAMED: dict[str, Any] = {"api_name": False}
"""For all events: they are the page's, gradio needn't describe them to anyone."""

IS_GRADIO_3 = gr.__version__.startswith("3.")
"""Some web UIs of the family have stayed with it."""

LASTING: dict[str, Any] = {**UNNAMED, "show_progress": "hidden", **({} if IS_GRADIO_3 else {"concurrency_limit": None})}
"""For events that take as long as they take, beside others of their kind."""

QUIET: dict[str, Any] = {**UNNAMED, "show_progress": "hidden", "queue": False}
"""For events that only show and hide."""


def build_setting(name: str, tab: Tab = Tab.TXT2IMG, **how: Any) -> Any:
    """The component of a setting.

    :param name: the field's.
    :param tab: whose panel it is for; some labels differ.
    :param how: more of gradio's arguments, such as `elem_id` and `visible`; they win over the table's.
    """
    setting, default = SETTINGS[name], DEFAULTS[name]
    label = setting.img2img_label if tab is Tab.IMG2IMG and setting.img2img_label else setting.label
    how = {"label": label, **how}
    if isinstance(setting, PictureSetting):
        return build_picture(**how)
    how = {"info": setting.help or None, "value": setting.to_panel(default), **how}
    if isinstance(setting, Number):
        return gr.Slider(setting.low, setting.high, step=setting.step, **how)
    if isinstance(setting, Choice):
        component = gr.Dropdown if setting.is_long else gr.Radio
        return component(list(setting.labels.values()), **how)
    if isinstance(setting, Switch):
        return gr.Checkbox(**how)
    if isinstance(setting, LightsSetting):
        return gr.Textbox(lines=4, placeholder="side angle 315 colour 3200K", **how)
    raise TypeError(f"{name} has a component of its own.")


def build_picture(**how: Any) -> gr.Image:
    """A picture to be given by the user, in any mode."""
    # no image_mode: gradio's own conversion would turn 16-bit greyscale white, `Picture` takes any mode
    if not IS_GRADIO_3:  # which knows no other format
        how = {"format": "png", **how}
    picture = gr.Image(**{"type": "pil", "image_mode": None, "interactive": True, "height": 280, **how})
    if not IS_GRADIO_3:  # which has it as a constant
        picture.api_info = _describe_pictures
    return picture


@functools.lru_cache(maxsize=1)
def _describe_pictures() -> dict[str, Any]:
    """What gradio tells of a picture's data. It would put this together anew, in 3 ms, for each picture each time that
    it lists the page's parts, which it does four times at a start."""
    schema = gr.Image.data_model.model_json_schema()
    schema.pop("description", None)
    return schema


def listen(
    listener: Callable[..., Any],
    function: Callable[..., Any] | None,
    inputs: Any = None,
    outputs: Any = None,
    js: str | None = None,
    **how: Any,
) -> Any:
    """Have something happen at an event.

    :param listener: for it, such as `button.click`.
    :param function: None: only the page does something.
    :param js: JavaScript that is run in the page before.
    :param how: more of gradio's arguments, such as :data:`QUIET`.
    :returns: what has `then`.
    """
    if js is not None:
        # It was `_js` in gradio 3. Forge's own `then` still knows it so, and reForge dev2's drops `js`.
        how["_js" if "_js" in inspect.signature(listener).parameters else "js"] = js
    # gradio evaluates a function's annotations twice for each event, at the start of the web UI, and once a run. A
    # partial has none.
    return listener(None if function is None else functools.partial(function), inputs, outputs, **how)


def on_change(components: Sequence[Any], *event: Any, **how: Any) -> None:
    """Have the same happen when any of several components changes: as one event where gradio can, as it describes each
    event in the page.

    :param event: function, inputs and outputs, as :func:`listen` has them.
    """
    listeners = [component.change for component in components]
    for listener in listeners if IS_GRADIO_3 else [functools.partial(gr.on, listeners)]:
        listen(listener, *event, **how)


def on_picture_by_user(picture: Any, *event: Any, **how: Any) -> None:
    """Have something happen when the user exchanges a picture or takes it away; not when an event does.

    :param event: function, inputs and outputs, as :func:`listen` has them.
    """
    for listener in (picture.upload, picture.clear) if IS_GRADIO_3 else (picture.input,):
        listen(listener, *event, **how)


def on_open(*event: Any, **how: Any) -> None:
    """Have something happen when the page is opened.

    :param event: function, inputs and outputs, as :func:`listen` has them.
    """
    listen(gr.context.Context.root_block.load, *event, **how)

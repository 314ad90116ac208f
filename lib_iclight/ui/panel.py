"""The panel in txt2img and img2img: one component for each setting, in the table's order."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import gradio as gr

from ..fields import SETTINGS, takes_effect
from ..hosts import Host
from ..hosts.tab import TabParts
from ..infotext import is_ours, pasted_value
from ..setting_types import Place, Switch, Tab
from ..weights import Catalogue, describe_missing_folders, read_catalogue
from ..weights.kind import Kind
from . import choices
from .canvas import Canvas
from .cutout_preview import build_preview
from .fetching import FetchOffer, build_offer, connect_offer
from .lights_part import build_lights
from .markup import as_html_text, as_markdown_text
from .parts import QUIET, build_setting, listen, on_change, on_open
from .stage import Stage, build_stage
from .tab_help import TabHelp

_COLUMNS = {Place.LIGHT: Kind.FOREGROUND, Place.BACKGROUND: Kind.BACKGROUND}
"""Places that are shown with one kind of model only."""

_DECIDING = list(dict.fromkeys(name for each in SETTINGS.values() for need in each.needs for name in need.settings))
"""The settings that the visibility of others depends on."""

_DEPENDENT = [name for name, setting in SETTINGS.items() if setting.needs]


Describe = Callable[[str | None, Catalogue], choices.Description]
"""What is said of a choice of models, by what is on disk."""


class Panel(NamedTuple):
    """What the web UI has to know of a panel that was built."""

    components: list[Any]
    """In the order of the settings."""

    strokes: Any
    """What is painted on. Put behind the others, its strokes are taken in by `cutout_preview.with_strokes`."""

    infotext_fields: list[tuple[Any, Callable[[dict[str, str]], Any]]]
    """Components, and what a picture's infotext gives each."""

    connect_to_tab: Callable[[TabParts], None]
    """Connects what helps with the tab's own settings, once the tab's components are there, inside the same blocks."""


def build_panel(
    tab: Tab,
    accordion: Callable[..., Any],
    canvas: Callable[[str], Canvas],
    host: Host,
    notice: str | None = None,
) -> Panel:
    """Build the panel inside the web UI's own blocks. Called several times a tab: it keeps nothing.

    :param accordion: the web UI's accordion with a checkbox in its title.
    :param canvas: the web UI's canvas for painting on a picture, made for an element id.
    :param host: is asked anew each time for the folders that models are in.
    :param notice: what the user should know before anything else.
    """
    builder = _Builder(tab, host)
    tab_help = TabHelp(tab, host, builder.element_id, builder.kind_of)
    with accordion(False, label=SETTINGS["enabled"].label, elem_id=builder.element_id("enabled")) as builder.parts[
        "enabled"
    ]:
        if notice:
            gr.HTML(as_html_text(notice), elem_id=builder.element_id("notice"))
        builder.build_model()
        tab_help.build_advice()
        with gr.Row(variant="compact"):
            with gr.Group():
                builder.build_place(Place.SUBJECT)
                builder.build_offer("cutout", None, choices.describe_cutout)
                tab_help.build_size()
            for place in _COLUMNS:
                builder.build_column(place)
        builder.stage = build_stage(tab, builder.element_id)
        builder.build_frame()
        builder.groups["lights"] = build_lights(builder.build_part, builder.element_id)
        preview = build_preview(builder.parts, builder.build_part, builder.element_id, host, canvas)
        with gr.Accordion("Detail, colour, background, size", open=False, elem_id=builder.element_id("finish")):
            builder.build_place(Place.FINISH)
        with gr.Row(variant="compact"):
            builder.build_place(Place.BOTTOM)
        tab_help.build_lists()
    builder.connect()
    return Panel(
        [builder.parts[name] for name in SETTINGS],
        preview,
        _infotext_fields(builder.parts),
        functools.partial(tab_help.connect, builder.parts),
    )


def _infotext_fields(parts: dict[str, Any]) -> list[tuple[Any, Callable[[dict[str, str]], Any]]]:
    told = [name for name, setting in SETTINGS.items() if setting.in_infotext]
    return [(parts["enabled"], is_ours), *((parts[name], functools.partial(pasted_value, name)) for name in told)]


class _Builder:
    """Builds the parts of one panel, and connects them."""

    def __init__(self, tab: Tab, host: Host) -> None:
        self.tab = tab
        self.host = host
        self.parts: dict[str, Any] = {}
        self.groups: dict[str, Any] = {}
        """What is shown and hidden in the place of a setting's component, with all that belongs to it."""
        self.stage: Stage
        self.columns: dict[Place, Any] = {}
        self.offers: dict[str, tuple[FetchOffer, Describe]] = {}
        self.catalogue = self.read_catalogue()
        self.models = choices.list_models(self.catalogue)
        self.kind = self.models.kinds.get(self.models.chosen or "", Kind.FOREGROUND)

    def read_catalogue(self) -> Catalogue:
        """What lies in the models' folders now."""
        return read_catalogue(self.host.webui.models_folders())

    def kind_of(self, model: str | None) -> Kind:
        """What a model of the list looks at."""
        return choices.kind_of_choice(model, self.read_catalogue())

    def element_id(self, name: str) -> str:
        """What a part is called in the page."""
        return f"iclight_{self.tab.value}_{name}"

    # Parts

    def build_part(self, name: str) -> Any:
        """One setting's component, shown where it takes effect beside all defaults."""
        visible = self.takes_effect(name, {})
        self.parts[name] = build_setting(name, self.tab, elem_id=self.element_id(name), visible=visible)
        return self.parts[name]

    def takes_effect(self, name: str, values: Mapping[str, Any]) -> bool:
        """Whether a setting takes effect with its own kind of model: its column is hidden with another."""
        return takes_effect(name, values, SETTINGS[name].kind or Kind.FOREGROUND, self.tab)

    def build_place(self, place: Place) -> None:
        """All settings of a place, the switches last."""
        names = [name for name, setting in SETTINGS.items() if setting.place is place]
        for name in sorted(names, key=lambda name: isinstance(SETTINGS[name], Switch)):
            self.build_part(name)

    def build_frame(self) -> None:
        """Where the subject stands."""
        title = "The subject's place in the frame"
        with gr.Accordion(title, open=False, elem_id=self.element_id("frame")), gr.Row(variant="compact"):
            self.build_place(Place.FRAME)

    def build_column(self, place: Place) -> None:
        """The settings that go with one kind of model."""
        visible = _COLUMNS[place] is self.kind
        with gr.Column(visible=visible, min_width=280, elem_id=self.element_id(f"{place.value}_group")) as column:
            self.build_place(place)
        self.columns[place] = column

    def build_model(self) -> None:
        """The model's dropdown, what there is to say about the one chosen, and the offer to fetch it."""
        label = SETTINGS["model"].label
        with gr.Row():
            self.parts["model"] = gr.Dropdown(
                self.models.names, value=self.models.chosen, label=label, elem_id=self.element_id("model")
            )
            self.refresh = gr.Button("🔄", scale=0, min_width=40, elem_id=self.element_id("refresh"))
        self.build_offer("model", self.models.chosen, self.describe_model)

    def describe_model(self, model: str | None, catalogue: Catalogue) -> choices.Description:
        """What is said of a model, and of folders that were set and are not there."""
        described = choices.describe_model(model, catalogue)
        missing = as_markdown_text(describe_missing_folders(catalogue, self.host.webui.chosen_folders()))
        return described._replace(text="\n\n".join(filter(None, [missing, described.text])))

    def build_offer(self, name: str, chosen: str | None, describe: Describe) -> None:
        """What is said of a choice of models, with the offer to fetch the chosen one."""
        offer = build_offer(
            self.element_id(name),
            describe(chosen, self.catalogue),
            lambda choice: describe(choice, self.read_catalogue()),
            lambda file: (file.kind is None) is (name == "cutout"),
            self.host.webui.models_folders,
        )
        self.offers[name] = offer, describe

    # Events

    def connect(self) -> None:
        """Show only what takes effect, and what is on disk: on a change, on refresh, and when the page is opened."""
        model, cutout = self.parts["model"], self.parts["cutout"]
        (model_offer, _), (cutout_offer, _) = self.offers["model"], self.offers["cutout"]
        connect_offer(model_offer, model)
        connect_offer(cutout_offer, cutout)
        columns, deciding = list(self.columns.values()), [self.parts[name] for name in _DECIDING]
        dependent = [self.groups.get(name, self.parts[name]) for name in _DEPENDENT]
        listen(model.change, self.show_model, [model, *deciding], [*columns, *model_offer.parts, *dependent], **QUIET)
        listen(cutout.change, cutout_offer.state, cutout, cutout_offer.parts, **QUIET)
        on_change(deciding, self.show_dependent, [model, *deciding], dependent, **QUIET)
        on_disk = [*columns, *model_offer.parts, *cutout_offer.parts, *dependent, model]
        looking = (self.show_files, [model, cutout, *deciding], on_disk)
        self.stage.renew_after(listen(self.refresh.click, *looking, **QUIET))
        # Saved defaults are set after the panel was built, and files come and go while the page is closed.
        on_open(*looking, **QUIET)
        self.stage.connect(self.parts, self.host, self.kind_of)

    def show_model(self, model: str | None, *values: Any) -> list[Any]:
        """Updates of all that goes with the model that is chosen.

        :param values: as :meth:`show_dependent` has them.
        """
        return self.show_choices(self.read_catalogue(), values, model=model)

    def show_files(self, model: str | None, cutout: str | None, *values: Any) -> list[Any]:
        """Updates of all that depends on what is on disk: :meth:`show_choices` and the list of models."""
        catalogue = self.read_catalogue()
        relisted = choices.relist_models(self.parts["model"], catalogue)
        return [*self.show_choices(catalogue, values, model=model, cutout=cutout), relisted]

    def show_choices(self, catalogue: Catalogue, values: Sequence[Any], **chosen: str | None) -> list[Any]:
        """Updates of the columns, of what is said below each choice of models that is given, and of the settings that
        depend on others."""
        kind = choices.kind_of_choice(chosen["model"], catalogue)
        updates = [gr.update(visible=_COLUMNS[place] is kind) for place in self.columns]
        for name, choice in chosen.items():
            offer, describe = self.offers[name]
            updates += offer.show(describe(choice, catalogue))
        return [*updates, *self._update_dependent(kind, values)]

    def show_dependent(self, model: str | None, *values: Any) -> list[Any]:
        """Updates of the settings that depend on others.

        :param values: of the settings that decide, as their components have them.
        """
        return self._update_dependent(self.kind_of(model), values)

    def _update_dependent(self, kind: Kind, values: Sequence[Any]) -> list[Any]:
        checked: dict[str, Any] = {}
        for name, value in zip(_DECIDING, values, strict=True):
            if SETTINGS[name].kind not in (None, kind):  # what goes with another kind of model decides nothing
                continue
            try:
                checked[name] = SETTINGS[name].check(name, SETTINGS[name].from_panel(value))
            except ValueError:  # nothing is chosen: as by default
                continue
        return [gr.update(visible=self.takes_effect(name, checked)) for name in _DEPENDENT]

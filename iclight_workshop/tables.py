"""The documents' tables that are derived: `python -m iclight_workshop.tables` writes them anew.

Each stands between `<!-- table: NAME -->` and `<!-- end of table -->`.
"""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path
from typing import Any

from lib_iclight.fields import DEFAULTS, SETTINGS
from lib_iclight.foreground.methods import AUTO, METHODS
from lib_iclight.lights import LightSource, presets, write_lights
from lib_iclight.lights.sources import FIELDS, NUMBERS
from lib_iclight.setting_types import Setting
from lib_iclight.weights.kind import Kind

from .hosts import list_hosts, list_neighbours

ROOT = Path(__file__).parents[1]

DOCUMENTS = [ROOT / "README.md", ROOT / "docs" / "lights.md", ROOT / "docs" / "neighbours.md"]

_TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end of table -->)", re.DOTALL)


def main() -> None:
    """Write every document's tables anew."""
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        document.write_text(renew_tables(text), encoding="utf-8", newline="\n")


def renew_tables(text: str) -> str:
    """A document with every derived table as the code has it now."""
    return _TABLE.sub(lambda match: match[1] + TABLES[match[2]]() + match[3], text)


def list_settings() -> str:
    """Every setting of a request: what may be sent, what it is for, what is taken if it is left out."""
    rows = ["| name | what may be sent | for | default |", "| --- | --- | --- | --- |"]
    for name, setting in SETTINGS.items():
        rows.append(f"| `{name}` | {setting.describe()} | {_purpose(setting)} | {_shown(DEFAULTS[name])} |")
    return "\n".join(rows) + "\n"


def list_cutouts() -> str:
    """Every way of cutting out, in the order in which `auto` tries them."""
    rows = ["| name | in the panel | MB | licence | for |", "| --- | --- | --- | --- | --- |"]
    for method in sorted(METHODS.values(), key=lambda each: (each.name != AUTO, each.rank is None, each.rank or 0)):
        size = "" if method.file is None else f"{method.file.size / 1e6:.0f}"
        rows.append(f"| `{method.name}` | {method.label} | {size} | {method.licence or ''} | {method.help} |")
    return "\n".join(rows) + "\n"


def _purpose(setting: Setting) -> str:
    sentences = [setting.help]
    if setting.kind is not None:
        sentences.append(f"({'fc' if setting.kind is Kind.FOREGROUND else 'fbc'})")
    if setting.tab is not None:
        sentences.append(f"In {setting.tab.value} only.")
    return " ".join(sentences)


def _shown(default: Any) -> str:
    if default in (None, ()):
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, float):
        return f"{default:g}"
    return f"`{default.value}`" if isinstance(default, Enum) else f"`{default}`"


def list_presets() -> str:
    """Every preset of lights."""
    rows = ["| name | lights |", "| --- | --- |"]
    rows += [f"| {name} | `{write_lights(lights)}` |" for name, lights in presets().items()]
    return "\n".join(rows) + "\n"


def list_light_fields() -> str:
    """What can be said of each kind of light."""
    rows = ["| field | of | range | default | what it is |", "| --- | --- | --- | --- | --- |"]
    defaults = LightSource._field_defaults
    for name in defaults:
        kinds = ", ".join(kind.value for kind, fields in FIELDS.items() if name in fields)
        if kinds:
            setting = NUMBERS.get(name)
            what = (
                (f"{setting.low:g} to {setting.high:g}", setting.help)
                if setting
                else ("", "As in `#ffcc88` or `3200K`.")
            )
            rows.append(f"| `{name}` | {kinds} | {what[0]} | {_shown(defaults[name])} | {what[1]} |")
    return "\n".join(rows) + "\n"


TABLES = {
    "presets": list_presets,
    "light_fields": list_light_fields,
    "settings": list_settings,
    "cutouts": list_cutouts,
    "hosts": list_hosts,
    "neighbours": list_neighbours,
}

if __name__ == "__main__":
    main()

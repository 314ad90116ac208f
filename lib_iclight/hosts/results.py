"""What web UIs write below pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable


def infotext_without(infotext: str, names: Iterable[str]) -> str:
    """A picture's infotext without some settings.

    :param names: as in `IC-Light detail transfer`. Settings stand in the last line, each as `, name: value`, and a
        value with a comma in it is in quotation marks (`modules/infotext_utils.py` of the web UIs).
    """
    prompts, line_break, settings = infotext.rpartition("\n")
    for name in names:
        settings = re.sub(rf', {re.escape(name)}: ("(?:\\.|[^"\\])*"|[^,]*)', "", settings)
    return prompts + line_break + settings

"""What web UIs write below pictures."""

from __future__ import annotations

import re
from collections.abc import Iterable


def infotext_without(infotext: str, names: Iterable[str]) -> str:
    """A picture's infotext without some settings.

    :param names: as in `IC-Light detail transfer`; each setting reads `, name: value`, and a value with a comma in it
        stands in quotation marks (`modules/infotext_utils.py` of the web UIs).
    """
    for name in names:
        infotext = re.sub(rf', {re.escape(name)}: ("(?:\\.|[^"\\])*"|[^,\n]*)', "", infotext)
    return infotext

"""The file that the web UI loads: the extension's Script, or a notice that another extension stands in its way."""

from __future__ import annotations

from pathlib import Path

import lib_iclight
from iclight_neighbours import load_notice_script

OWN = Path(__file__).parents[1]

if Path(lib_iclight.__path__[0]).samefile(OWN / "lib_iclight"):
    from lib_iclight.hosts.forge_script import ICLightScript, register

    register(__file__)
    __all__ = ["ICLightScript"]
else:  # another extension's package was loaded first, so that nothing of ours can be
    ICLightNotice = load_notice_script(OWN)
    __all__ = ["ICLightNotice"]

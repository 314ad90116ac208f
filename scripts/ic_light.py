"""The file that the web UI loads: the extension's Script, or a notice that says why there is none."""

from __future__ import annotations

from pathlib import Path

import lib_iclight
from iclight_neighbours import load_notice_script, print_to_console

OWN = Path(__file__).parents[1]

if Path(lib_iclight.__path__[0]).samefile(OWN / "lib_iclight"):
    from lib_iclight.errors import ICLightError

    try:
        from lib_iclight.hosts.find import check_host

        check_host()
        from lib_iclight.hosts.script import ICLightScript, register

        register(__file__)
        __all__ = ["ICLightScript"]
    except Exception as error:  # the web UI lacks something: its other scripts and its API go on
        sentence = str(error) if isinstance(error, ICLightError) else f"IC-Light could not start ({error!r})."
        print_to_console(sentence)
        ICLightNotice = load_notice_script(OWN, sentence)
        __all__ = ["ICLightNotice"]
else:  # another extension's package was loaded first, so that nothing of ours can be
    ICLightNotice = load_notice_script(OWN)
    __all__ = ["ICLightNotice"]

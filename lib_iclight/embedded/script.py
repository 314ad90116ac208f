"""Always-on scripts: ours, and what calls them."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import Any

from ..relight import RelightHooks


class ICLightScript:
    """Hands the host's hooks on to `lib_iclight`, as `scripts/ic_light.py` does for Forge."""

    def __init__(self, hooks: RelightHooks) -> None:
        self._hooks = hooks

    def title(self) -> str:
        """The name in `alwayson_scripts`."""
        return "IC Light"

    def before_process(self, p: Any, *args: Any) -> None:
        """See :class:`RelightHooks`, as for the others."""
        self._hooks.before_process(p, args)

    def process(self, p: Any, *args: Any) -> None:
        self._hooks.process(p)

    def before_process_init_images(self, p: Any, params: dict[str, Any], *args: Any) -> None:
        self._hooks.before_process_init_images(p, params["crop_region"])

    def process_before_every_sampling(self, p: Any, *args: Any, x: Any, **kwargs: Any) -> None:
        self._hooks.process_before_every_sampling(p, x)

    def postprocess(self, p: Any, processed: Any, *args: Any) -> None:
        self._hooks.postprocess(p, processed)


class ScriptRunner:
    """Calls every script that has a hook, in their order, and prints what one raises: the generation goes on."""

    def __init__(self, alwayson_scripts: Sequence[Any]) -> None:
        """:param alwayson_scripts: objects with a `title()` and any of the host's hooks."""
        self.alwayson_scripts = list(alwayson_scripts)

    def run(self, hook: str, p: Any, *values: Any, **named: Any) -> None:
        """Call a hook: with `p`, the hook's own values, then the script's arguments from `p.script_args`."""
        for script in self.alwayson_scripts:
            if not hasattr(script, hook):
                continue
            try:
                getattr(script, hook)(p, *values, *p.script_args.get(script.title().lower(), ()), **named)
            except Exception:
                print(f"Error running {hook}: {script.title()}")
                traceback.print_exc()

"""The tests in this folder need a real Forge, which FORGE_DIR names; without one there is nothing to collect."""

from __future__ import annotations

import os

collect_ignore_glob = [] if "FORGE_DIR" in os.environ else ["test_*.py"]

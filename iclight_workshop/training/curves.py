"""Draw the losses of a training: `python -m iclight_workshop.training.curves FOLDER`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path


def main() -> None:
    """Write `curves.png` beside a `log.jsonl`."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    parser = argparse.ArgumentParser(prog="python -m iclight_workshop.training.curves", description=__doc__)
    parser.add_argument("folder", type=Path, help="where log.jsonl is")
    folder = parser.parse_args().folder
    stages: dict[str, dict[int, float]] = {}
    for line in map(json.loads, (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()):
        stages.setdefault(line["stage"], {})[line["step"]] = line["loss"]  # of steps that were run twice, the later
    figure, axes = plt.subplots(1, len(stages), squeeze=False, figsize=(4 * len(stages), 3), layout="constrained")
    for axis, (stage, losses) in zip(axes[0], stages.items(), strict=True):
        axis.plot(list(losses), list(losses.values()))
        axis.set(title=stage, xlabel="step", ylabel="loss, mean of 100 steps", yscale="log")
    figure.savefig(folder / "curves.png", dpi=80)


if __name__ == "__main__":
    main()

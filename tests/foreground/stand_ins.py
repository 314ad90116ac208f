"""Small ONNX files with the inputs and outputs of the real matting models, that compute something known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from lib_iclight.weights.manifest import ManifestFile
from tests.weights.conftest import manifest_file

WEIGHTS = (1.0, 2.0, 4.0)
"""Of red, green and blue: exchanged channels are seen."""


@dataclass(frozen=True)
class StandIn:
    """The first of several outputs is `WEIGHTS · max(input, 0)`: a bend where each normalised channel is 0."""

    size: int
    outputs: int
    """The others give the opposite, some at lower resolutions, as the real ones' side outputs do."""

    bend: bool = True
    """Without it the output is `WEIGHTS · input`."""

    def model(self) -> onnx.ModelProto:
        """The file's content."""
        shown = [1, 1, self.size, self.size]
        weights = np.array(WEIGHTS, np.float32).reshape(1, 3, 1, 1)
        nodes = [
            helper.make_node("Relu" if self.bend else "Identity", ["photo"], ["bent"]),
            helper.make_node("Conv", ["bent", "weights"], ["first"]),
        ]
        outputs = [helper.make_tensor_value_info("first", TensorProto.FLOAT, shown)]
        for number in range(1, self.outputs):
            halved = self.size // 2 ** (number % 3)
            nodes += [
                helper.make_node("Neg", ["first"], [f"opposite{number}"]),
                helper.make_node(
                    "AveragePool",
                    [f"opposite{number}"],
                    [f"side{number}"],
                    kernel_shape=[self.size // halved] * 2,
                    strides=[self.size // halved] * 2,
                ),
            ]
            outputs.append(helper.make_tensor_value_info(f"side{number}", TensorProto.FLOAT, [1, 1, halved, halved]))
        photo = helper.make_tensor_value_info("photo", TensorProto.FLOAT, [1, 3, self.size, self.size])
        graph = helper.make_graph(nodes, "stand_in", [photo], outputs, [numpy_helper.from_array(weights, "weights")])
        return helper.make_model(graph, ir_version=8, opset_imports=[helper.make_opsetid("", 13)])

    def write(self, folder: Path, name: str = "stand-in.onnx") -> ManifestFile:
        """Write the file, and the manifest's entry for it."""
        data = self.model().SerializeToString()
        (folder / name).write_bytes(data)
        return manifest_file(name, data)


U2NET = StandIn(320, 7)
ISNET = StandIn(1024, 6)
ISNET_ANIME = StandIn(1024, 1)
BIREFNET = StandIn(1024, 1, bend=False)

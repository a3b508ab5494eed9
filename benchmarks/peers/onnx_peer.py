# SPDX-License-Identifier: Apache-2.0
"""ONNX Runtime: prediction of the recipe's network at one batch size (--batch)."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from network import arguments, serve

ACTIVATIONS = {"relu": "Relu", "tanh": "Tanh", "sigmoid": "Sigmoid"}


class Writer:
    def __init__(self, network):
        self.rng, self.nodes, self.weights, self.parameters = np.random.default_rng(1), [], [], 0
        height, width, channels = network.shape
        self.shape, self.at = (channels, height, width), "x"
        for kind, options in network.layers:
            self.layer(kind, options)

    def tensor(self, *shape, positive=False, counted=True):
        value = self.rng.normal(0, 0.05, shape).astype(np.float32)
        self.weights.append(numpy_helper.from_array(abs(value) if positive else value,
                                                    f"w{len(self.weights)}"))
        self.parameters += value.size * counted
        return self.weights[-1].name

    def node(self, op, *inputs, **attributes):
        name = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [self.at, *inputs], [name], **attributes))
        self.at = name

    def activation(self, name):
        if name == "softmax":
            self.node("Softmax", axis=1)
        elif name in ACTIVATIONS:
            self.node(ACTIVATIONS[name])

    def layer(self, kind, options):
        if kind == "conv2d":
            k, stride, filters = options["kernel"], options.get("stride", 1), options["filters"]
            groups = options.get("groups", 1)
            pad = k // 2 if options.get("padding") == "same" else 0
            self.node("Conv", self.tensor(filters, self.shape[0] // groups, k, k),
                      self.tensor(filters), strides=[stride] * 2, pads=[pad] * 4, group=groups)
            extent = [(e + 2 * pad - k) // stride + 1 for e in self.shape[1:]]
            self.shape = (filters, *extent)
            self.activation(options.get("activation"))
        elif kind == "batch_norm":
            n = self.shape[0]
            self.node("BatchNormalization", self.tensor(n), self.tensor(n),
                      self.tensor(n, counted=False), self.tensor(n, positive=True, counted=False),
                      epsilon=1e-3)
        elif kind in ("max_pool", "avg_pool"):
            size = options.get("size", 2)
            self.node("MaxPool" if kind == "max_pool" else "AveragePool",
                      kernel_shape=[size] * 2, strides=[size] * 2)
            self.shape = (self.shape[0], self.shape[1] // size, self.shape[2] // size)
        elif kind == "flatten":
            self.node("Flatten")
            self.shape = (int(np.prod(self.shape)),)
        elif kind == "global_avg_pool":
            self.node("GlobalAveragePool")
            self.node("Flatten")
            self.shape = (self.shape[0],)
        elif kind == "dense":
            self.node("Gemm", self.tensor(self.shape[0], options["units"]),
                      self.tensor(options["units"]))
            self.shape = (options["units"],)
            self.activation(options.get("activation"))
        elif kind == "activation":
            self.activation(options["function"])
        elif kind != "dropout":
            raise SystemExit(f"onnx_peer: no layer {kind}")


def main():
    options, network = arguments(__doc__)
    batch = options.batch or network.batch
    writer = Writer(network)
    height, width, channels = network.shape
    graph = helper.make_graph(
        writer.nodes, "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, channels, height, width])],
        [helper.make_tensor_value_info(writer.at, TensorProto.FLOAT, [batch, *writer.shape])],
        writer.weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(model.SerializeToString(), settings,
                                           providers=["CPUExecutionProvider"])
    x = network.samples[:batch].transpose(0, 3, 1, 2).astype(np.float32) / 255

    def run():
        session.run(None, {"x": x})
        return 1

    serve(run, writer.parameters, warm_up=5)


if __name__ == "__main__":
    main()

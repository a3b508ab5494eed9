#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Losses and gradients of networks whose products round their operands, by PyTorch in float64.

Run by hand, after make.py and in its environment; writes values/rounded.safetensors: of the
starting state and the first batch of each network named below, and each precision,
    <network>.<precision>.loss [1], <network>.<precision>.gradient.<parameter> [digest].
bf16 is rounded by PyTorch's own conversion; TF32, which has none, by the bits.
"""
import pathlib
import tomllib

import numpy as np
import safetensors.numpy
import torch

import make  # first: it chooses Keras's backend
import in_keras
import in_torch
import numbers_of

HERE = pathlib.Path(__file__).resolve().parent
NETWORKS = ("mnist", "lenet", "resnet", "grouped", "depthwise", "sequence")


def to_bf16(x):
    return x.float().to(torch.bfloat16).double()


def to_tf32(x):
    """Adds half of the last kept place, less one where that is even, and cuts 13 bits off."""
    bits = x.float().numpy().view(np.uint32)
    bits = (bits + np.uint32(0xFFF) + ((bits >> np.uint32(13)) & np.uint32(1))) & np.uint32(
        0xFFFFE000)
    return torch.from_numpy(bits.view(np.float32)).double()


def products_of(round_to):
    class Product(torch.autograd.Function):
        @staticmethod
        def forward(context, f, x, kernel):
            context.f = f
            rounded = round_to(x.detach()), round_to(kernel.detach())
            context.save_for_backward(*rounded)
            return f(*rounded)

        @staticmethod
        def backward(context, dy):
            x, kernel = (t.detach().requires_grad_() for t in context.saved_tensors)
            with torch.enable_grad():
                y = context.f(x, kernel)
            return None, *torch.autograd.grad(y, (x, kernel), round_to(dy))

    return Product.apply


def make_one(name, tensors):
    path, kind, classes, targets = make.NETWORKS[name]
    recipe = tomllib.loads((path or HERE / "networks" / f"{name}.toml").read_text())
    train = recipe["train"]
    file = safetensors.numpy.load_file(HERE / "values" / f"{name}.safetensors")
    chosen = file["order"][:train["batch"]].astype(np.int64)
    rows = 8 * train["batch"] + 3
    raw = numbers_of.samples(name, kind, [rows] + [int(n) for n in recipe["input"]["shape"]],
                             classes)
    x = torch.tensor(make.scaled(recipe, raw)[chosen])
    assert targets == "one"
    y = torch.tensor(np.eye(classes)[numbers_of.targets(name, targets, rows, classes)[chosen]])
    state = in_keras.Training(
        recipe, lambda n, s: numbers_of.starting_value(name, n, s)).state()
    layers = in_keras.unfolded(recipe["model"], train["loss"])
    for precision, round_to in (("tf32", to_tf32), ("bf16", to_bf16)):
        values, trained = in_torch.tensors_of(state, torch.float64)
        network = in_torch.Network(layers, values, True, products_of(round_to))
        loss = in_torch.loss_of(train, network(x), y)
        found = torch.autograd.grad(loss, list(trained.values()))
        tensors[f"{name}.{precision}.loss"] = np.array([loss.item()])
        for parameter, gradient in zip(trained, found):
            tensors[f"{name}.{precision}.gradient.{parameter}"] = numbers_of.digest(
                gradient.numpy())
        print(f"{name:10} {precision} loss {loss.item():.9f}, float64 {file['loss'][0]:.9f}",
              flush=True)


if __name__ == "__main__":
    in_keras.use_float64()
    tensors = {}
    for network in NETWORKS:
        make_one(network, tensors)
    safetensors.numpy.save_file(
        {n: np.ascontiguousarray(t, dtype=np.float64) for n, t in tensors.items()},
        HERE / "values" / "rounded.safetensors", {"made_by": f"PyTorch {torch.__version__}"})

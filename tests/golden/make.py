#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Golden values of the first 20 training steps of small and of the seed's two networks.

Run by hand, from anywhere; writes values/<network>.safetensors beside itself:

    python3 -m venv golden-venv
    golden-venv/bin/pip install numpy safetensors "keras==3.15.1" jax \\
        torch --extra-index-url https://download.pytorch.org/whl/cpu
    golden-venv/bin/python tests/golden/make.py [network ...]

Keras 3 on JAX trains in float64; PyTorch, written out by functions, recomputes losses, gradients
and inference outputs from Keras's states, and the two must agree to 1e-10 or nothing is written.
What a file holds (digest: numbers_of.py; s counts steps):
    loss [20], gradient.<parameter> [20, digest] before clipping,
    state.<tensor> [21, digest] parameters, statistics, optimizer.<slot>.<parameter> after s steps,
    predict.first, predict.last [batch, outputs] of the first rows before and after the 20 steps,
    evaluate.loss, evaluate.correct [1] of the first batch after them,
    order [20 * batch] rows in the order they are read.
Metadata say what the data were made as.
"""
import os
import pathlib
import sys
import tomllib

os.environ["KERAS_BACKEND"] = "jax"
os.environ["JAX_ENABLE_X64"] = "1"
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import safetensors.numpy  # noqa: E402
import torch  # noqa: E402

import in_keras  # noqa: E402
import in_torch  # noqa: E402
import numbers_of  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
RECIPES = HERE.parent.parent / "recipes"
STEPS, STEPS_PER_EPOCH = 20, 5
AGREEMENT = 1e-10
# A batch is drawn again while more than SHARE of a layer's gradient hangs on outputs within NEAR of
# a kink: float32 would fall to either side, and neither be wrong.
NEAR, SHARE = 2.5e-6, 3e-5

# name: (recipe, type of the samples, classes, targets)
NETWORKS = {
    "mnist": (RECIPES / "mnist.toml", "u8", 10, "one"),
    "cifar10": (RECIPES / "cifar10.toml", "u8", 10, "one"),
    "lenet": (None, "u8", 10, "one"),
    "resnet": (None, "u8", 10, "one"),
    "vgg": (None, "u8", 10, "one"),
    "dilated": (None, "u8", 4, "one"),
    "grouped": (None, "f32", 5, "one"),
    "depthwise": (None, "u8", 3, "one"),
    "dense_norm": (None, "f32", 3, "shares"),
    "binary": (None, "f32", 2, "one"),
    "multi_label": (None, "u8", 6, "many"),
    "mse": (None, "f32", 4, "numbers"),
    "mae": (None, "u8", 3, "numbers"),
    "huber": (None, "f32", 3, "numbers"),
    "bias_before_norm": (None, "u8", 3, "one"),
    "sequence": (None, "u8", 4, "one"),
    "sequence_max": (None, "u8", 3, "one"),
    "scaled": (None, "u8", 10, "one"),
}


def scaled(recipe, raw):
    """What the recipe's [input] makes of the samples; numbers kept a channel are stored as f32."""
    given = recipe["input"]
    scale = given.get("scale", "auto")
    if scale == "auto":
        scale = 1 / 255 if raw.dtype == np.uint8 else 1.0
    elif isinstance(scale, str):
        scale = eval(scale, {"__builtins__": {}})  # "1/255"
    mean, std = np.array(given.get("mean", [0.0])), np.array(given.get("std", [1.0]))
    factor, shift = scale / std, -mean / std
    if max(mean.size, std.size) > 1:
        factor, shift = numbers_of.to_f32(factor), numbers_of.to_f32(shift)
    return raw.astype(np.float64) * factor + shift


def distance(a, b):
    """Relative, by norm of the tensor."""
    norm = np.linalg.norm(np.ravel(b))
    return float(np.linalg.norm(np.ravel(a) - np.ravel(b)) / norm) if norm > 0 else 0.0


class Second:
    """Compares Keras with PyTorch, in float64 and in float32."""

    def __init__(self, recipe):
        self.layers = in_keras.unfolded(recipe["model"], recipe["train"]["loss"])
        self.train = recipe["train"]
        self.most64 = self.most32 = 0.0

    def look(self, state, x, y, loss, gradients, outputs):
        largest = max(np.linalg.norm(g) for g in gradients.values())
        for dtype in (torch.float64, torch.float32):
            theirs = in_torch.gradients(self.layers, self.train, state, x, y, dtype)
            most = max(abs(theirs[0] - loss) / abs(loss), distance(theirs[2], outputs))
            for name, gradient in gradients.items():
                if np.linalg.norm(gradient) < 1e-10 * largest:  # a true 0, and a 0 to both
                    assert np.linalg.norm(theirs[1][name]) < 1e-4 * largest, name
                    continue
                most = max(most, distance(theirs[1][name], gradient))
            if dtype == torch.float64:
                self.most64 = max(self.most64, most)
            else:
                self.most32 = max(self.most32, most)


def make(name):
    path, kind, classes, target_kind = NETWORKS[name]
    recipe = tomllib.loads((path or HERE / "networks" / f"{name}.toml").read_text())
    train = recipe["train"]
    batch, shape = train["batch"], [int(n) for n in recipe["input"]["shape"]]
    rows = 8 * batch + 3
    raw = numbers_of.samples(name, kind, [rows] + shape, classes)
    x = scaled(recipe, raw)
    y = numbers_of.targets(name, target_kind, rows, classes)
    training = in_keras.Training(recipe, lambda n, s: numbers_of.starting_value(name, n, s))
    outputs = training.model.output_shape[-1]
    labels = y
    if target_kind == "one":
        y = np.eye(outputs)[y] if outputs > 1 else y[:, None].astype(np.float64)
    states, losses, gradients = [training.state()], [], []
    first = training.probabilities(x[:batch])
    second = Second(recipe)
    order, draws = [], 0

    def draw(step, state):
        nonlocal draws
        for attempt in range(1000):
            draws += 1
            chosen = numbers_of.below(f"{name}/order/{step}/{attempt}", batch, rows)
            if in_torch.share_at_kinks(second.layers, train, state, x[chosen], y[chosen],
                                       NEAR) < SHARE:
                return chosen
        raise RuntimeError(f"{name}: no batch away from every kink at step {step + 1}")

    for s, factor in enumerate(in_keras.factors(train, STEPS, STEPS_PER_EPOCH)):
        chosen = draw(s, states[-1])
        order.append(chosen)
        before, outputs_now = states[-1], training.outputs(x[chosen])
        loss, gradient = training.step(x[chosen], y[chosen], factor)
        second.look(before, x[chosen], y[chosen], loss, gradient, outputs_now)
        losses.append(loss), gradients.append(gradient), states.append(training.state())
    assert second.most64 < AGREEMENT, f"{name}: Keras and PyTorch differ by {second.most64:.1e}"

    chosen = order[0]
    last = training.outputs(x[chosen])
    right = (last.argmax(1) == y[chosen].argmax(1)).sum()
    if outputs == 1:
        right = ((last[:, 0] > 0) == (labels[chosen] == 1)).sum()
    tensors = {
        "order": np.concatenate(order),
        "loss": np.array(losses),
        "predict.first": first,
        "predict.last": training.probabilities(x[:batch]),
        "evaluate.loss": np.array([float(training.loss(y[chosen], last))]),
        "evaluate.correct": np.array([float(right)]),
    }
    for parameter in gradients[0]:
        tensors["gradient." + parameter] = np.stack(
            [numbers_of.digest(g[parameter]) for g in gradients])
    for tensor in states[0]:
        tensors["state." + tensor] = np.stack([numbers_of.digest(s[tensor]) for s in states])
    metadata = {"samples": kind, "classes": str(classes), "targets": target_kind,
                "rows": str(rows), "steps": str(STEPS), "steps_per_epoch": str(STEPS_PER_EPOCH),
                "made_by": f"Keras {keras.__version__} on JAX, PyTorch {torch.__version__}"}
    (HERE / "values").mkdir(exist_ok=True)
    safetensors.numpy.save_file(
        {n: np.ascontiguousarray(t, dtype=np.float64) for n, t in tensors.items()},
        HERE / "values" / f"{name}.safetensors", metadata)
    print(f"{name:17} loss {losses[0]:.4f} -> {losses[-1]:.4f}   PyTorch float64 within "
          f"{second.most64:.0e}, float32 within {second.most32:.0e}; "
          f"{draws} batches drawn", flush=True)


if __name__ == "__main__":
    in_keras.use_float64()
    unknown = set(sys.argv[1:]) - set(NETWORKS)
    if unknown:
        sys.exit(f"make.py: no network {', '.join(sorted(unknown))}; "
                 f"there are {', '.join(NETWORKS)}")
    for network in sys.argv[1:] or NETWORKS:
        make(network)

# SPDX-License-Identifier: Apache-2.0
"""What every Python peer shares: reading a recipe, the samples, and the talk with run.py."""

import argparse
import json
import statistics
import sys
import time
import tomllib

import numpy as np


def flat(layers):
    """[("conv2d", {...}), ...]; a residual block's body and shortcut are lists of the same kind."""
    result = []
    for layer in layers:
        ((kind, options),) = layer.items()
        if kind == "residual":
            options = {part: flat(options.get(part, [])) for part in ("body", "shortcut")}
        result.append((kind, options))
    return result


class Network:
    """One recipe with its samples: u8 [rows, height, width, channels], i32 [rows]."""

    def __init__(self, recipe, samples, labels):
        with open(recipe, "rb") as file:
            data = tomllib.load(file)
        self.layers = flat(data["model"])
        self.shape = tuple(data["input"]["shape"])
        self.batch = data["train"].get("batch", 32)
        ((self.optimizer, self.options),) = data["train"]["optimizer"].items()
        self.rate = self.options["rate"]
        self.momentum = self.options.get("momentum", 0.0)
        self.labels = np.fromfile(labels, np.int32)
        self.samples = np.fromfile(samples, np.uint8).reshape(len(self.labels), *self.shape)
        self.steps = len(self.labels) // self.batch


def arguments(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("recipe")
    parser.add_argument("--samples", required=True)
    parser.add_argument("--labels", required=True)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--variant", default="")
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--tf32", action="store_true", help="cuda: products may round to TF32")
    options = parser.parse_args()
    return options, Network(options.recipe, options.samples, options.labels)


def serve(run, parameters, warm_up=3, wait=lambda: None, device_bytes=lambda: 0):
    """Answers "measure SECONDS" lines with the time of a step: median and best of windows.

    run(): starts some steps and returns how many; wait(): returns when all are done, where run()
    does not wait itself; device_bytes(): what the steps hold of a GPU's memory.
    """
    start = time.perf_counter()
    for _ in range(warm_up):
        run()
    wait()
    print(json.dumps({"ready": time.perf_counter() - start, "parameters": parameters,
                      "device_bytes": device_bytes()}), flush=True)
    for line in sys.stdin:
        seconds = float(line.split()[1])
        windows = []
        end = time.perf_counter() + seconds
        while time.perf_counter() < end or not windows:
            steps, start = 0, time.perf_counter()
            while True:
                steps += run()
                if time.perf_counter() - start > 0.02:
                    break
            wait()
            windows.append((time.perf_counter() - start) / steps)
        print(json.dumps({"us": statistics.median(windows) * 1e6, "best_us": min(windows) * 1e6}),
              flush=True)

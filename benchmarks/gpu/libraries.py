# SPDX-License-Identifier: Apache-2.0
"""Each heavy op of a training step by treino's kernels beside cuDNN's and cuBLAS's (by PyTorch).

treino's times come from `treino profile --device cuda --json`: an op's launches between events of a
graph, less what a launch takes that does nothing. The libraries' op runs COPIES times in a row in
one CUDA graph (cudnn.benchmark picks the algorithm, NCHW and channels_last are tried and the faster
counts), less what an empty op takes in such a row; in fp32, with TF32 allowed, and on operands that are bf16
in memory (treino's are f32 there). Bias is added by both, activations and what treino does besides in
the same launch (Adam, masks) by treino only. --precision is treino's; those below it are left out.
On a machine without a GPU `--device cpu` runs the same for a look at the script itself.
"""

import argparse
import json
import re
import statistics
import subprocess
import sys
import time

import torch
import torch.nn.functional as F

COPIES = 20
HEAVY = ("matmul", "conv2d", "conv2d_grad_input", "conv2d_grad_kernel")


def lists(text):
    return [[int(n) for n in part.split(",")] for part in re.findall(r"\[([\d, ]+)\]", text)]


def attribute(text, name, usual):
    found = re.search(name + r"=\[(\d+), (\d+)\]", text)
    return [int(found[1]), int(found[2])] if found else usual


PRECISIONS = {"float32": (False, torch.float32), "tf32": (True, torch.float32),
              "bf16": (True, torch.bfloat16)}


class Op:
    def __init__(self, entry, device, dtype):
        self.name, self.scope = entry["op"], entry["scope"]
        operands, rest = entry["shape"].split(" -> ")
        self.operands, self.text = lists(operands), rest
        self.result = lists(rest)[0]
        self.random = lambda shape: torch.randn(shape, device=device).to(dtype)

    def __str__(self):
        return f"{self.name} {' '.join(str(o) for o in self.operands)}"

    def calls(self):
        """What to time: by name."""
        return {"": self.product()} if self.name == "matmul" else {
            layout: self.convolution(layout) for layout in ("nchw", "nhwc")}

    def product(self):
        a, b = self.random(self.operands[0]), self.random(self.operands[1])
        a = a.T if "transpose_a" in self.text else a
        b = b.T if "transpose_b" in self.text else b
        if len(self.operands) == 2:
            return lambda: torch.mm(a, b)
        bias = self.random(self.operands[2])
        return lambda: torch.addmm(bias, a, b)

    def convolution(self, layout):
        stride, dilation = attribute(self.text, "stride", [1, 1]), attribute(
            self.text, "dilation", [1, 1])
        before = attribute(self.text, "pad_before", [0, 0])
        after = attribute(self.text, "pad_after", [0, 0])
        groups = int((re.search(r"groups=(\d+)", self.text) or [0, 1])[1])
        if before != after:
            return None  # a library would pad in an op of its own

        def picture(shape):
            x = self.random([shape[0], shape[3], shape[1], shape[2]])
            return x.contiguous(memory_format=torch.channels_last) if layout == "nhwc" else x

        def kernel(shape):
            k = self.random([shape[3], shape[2], shape[0], shape[1]])
            return k.contiguous(memory_format=torch.channels_last) if layout == "nhwc" else k

        if self.name == "conv2d":
            x, k = picture(self.operands[0]), kernel(self.operands[1])
            bias = self.random(self.operands[2]) if len(self.operands) > 2 else None
            return lambda: F.conv2d(x, k, bias, stride, before, dilation, groups)
        if self.name == "conv2d_grad_input":
            dy, k, x = picture(self.operands[0]), kernel(self.operands[1]), picture(self.result)
        else:
            x, dy, k = picture(self.operands[0]), picture(self.operands[1]), kernel(self.result)
        mask = [self.name == "conv2d_grad_input", self.name == "conv2d_grad_kernel", False]
        return lambda: torch.ops.aten.convolution_backward(
            dy, x, k, None, stride, before, dilation, False, [0, 0], groups, mask)


def median(measure, seconds):
    times, end = [], time.monotonic() + seconds
    while time.monotonic() < end or len(times) < 3:
        times.append(measure())
    return statistics.median(times)


def timed_on_gpu(call, seconds):
    stream = torch.cuda.Stream()
    with torch.cuda.stream(stream):
        for _ in range(3):
            call()
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph, stream=stream):
        for _ in range(COPIES):
            call()

    def measure():
        begin, done = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        graph.replay()
        done.record()
        done.synchronize()
        return begin.elapsed_time(done) * 1e3 / COPIES

    return median(measure, seconds)


def timed_on_cpu(call, seconds):
    def measure():
        begin = time.perf_counter()
        call()
        return (time.perf_counter() - begin) * 1e6

    return median(measure, seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipes", nargs="+")
    parser.add_argument("--treino", default="bin/treino")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--seconds", type=float, default=0.05)
    parser.add_argument("--precision", choices=PRECISIONS, default="float32")
    parser.add_argument("--least-us", type=float, default=0, help="leave out ops that treino does in less")
    parser.add_argument("--json", help="also write all figures there")
    options = parser.parse_args()
    on_gpu = options.device == "cuda"
    timed = timed_on_gpu if on_gpu else timed_on_cpu
    torch.backends.cudnn.benchmark = True
    number = torch.zeros(1, device=options.device)
    empty = timed(lambda: number.add_(1), options.seconds)
    print(f"{torch.cuda.get_device_name() if on_gpu else 'cpu'}, PyTorch {torch.__version__}, "
          f"cuDNN {torch.backends.cudnn.version()}; an empty op of a row {empty:.2f} us, taken off")
    figures = []
    names = list(PRECISIONS)[list(PRECISIONS).index(options.precision):]
    for recipe in options.recipes:
        command = [options.treino, "profile", recipe, "--device", options.device, "--json",
                   "--candidates", "0"]
        if options.precision != "float32":
            command += ["--set", f"train.precision={options.precision}"]
        profile = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
        own_empty = profile.get("empty_launch_us", 0)
        print(f"\n{profile['name']}, batch {profile['batch']}; treino in {options.precision}\n"
              f"{'treino':>9}", *(f"{name:>9} {'ratio':>6}" for name in names), " (us, work)")
        launches_of = [0] * len(profile["ops"])
        for launch in profile.get("launches", []):
            launches_of[launch["step"]] += 1
        for entry, launches in zip(profile["ops"], launches_of):
            if entry["op"] not in HEAVY or entry["us"] < options.least_us:
                continue
            figure = {"recipe": recipe, "scope": entry["scope"],
                      "treino": max(entry["us"] - launches * own_empty, 0)}
            cells = [f"{figure['treino']:9.2f}"]
            for name in names:
                allow, dtype = PRECISIONS[name]
                torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allow
                op = Op(entry, options.device, dtype)
                found = [timed(call, options.seconds) - empty
                         for call in op.calls().values() if call is not None]
                us = max(min(found), 0) if found else None
                figure[name], figure["op"] = us, str(op)
                cells += ([f"{us:9.2f}", f"{us / max(figure['treino'], 0.01):5.2f}x"]
                          if us is not None else [f"{'-':>9}", f"{'-':>6}"])
            figures.append(figure)
            print(*cells, f" {figure['scope']}: {figure['op']}", flush=True)
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=1)


if __name__ == "__main__":
    sys.exit(main())

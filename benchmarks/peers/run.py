# SPDX-License-Identifier: Apache-2.0
"""Step times of our trainer and its peers, interleaved: medians of rounds, ratios, memory.

Every contestant of a network is started once, warmed up, and then asked in turn, round after round,
for a short measurement, so that a busy neighbour hits all alike. Data are the same files of bytes for
everybody; the numbers of trained parameters must agree.
"""

import argparse
import importlib.util
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np

import real_data

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ALL = ("torch", "torch-cl", "libtorch", "torch-compile", "jax-jit", "jax-scan", "keras")
TITLES = {"ours": "treino", "ours-predict": "treino", "torch": "PyTorch eager", "torch-cl": "PyTorch channels_last",
          "libtorch": "libtorch channels_last", "torch-compile": "torch.compile",
          "jax-jit": "JAX jit", "jax-scan": "JAX scan", "keras": "Keras fit",
          "onnx": "ONNX Runtime"}
MODULES = {"torch": "torch", "torch-cl": "torch", "torch-compile": "torch", "libtorch": "torch",
           "jax-jit": "optax", "jax-scan": "optax", "keras": "keras", "onnx": "onnxruntime"}


def note(text):
    print(text, file=sys.stderr, flush=True)


def cpu_name():
    names = {"model name": "?", "cpu family": "?", "model": "?"}
    for line in open("/proc/cpuinfo"):
        key, _, value = line.partition(":")
        names.setdefault(key.strip(), "")
        if names.get(key.strip()) == "?":
            names[key.strip()] = value.strip()
    return f"{names['model name']} (family {names['cpu family']}, model {names['model']})"


class Contestant:
    """One process that answers "measure SECONDS" with a line of JSON."""

    def __init__(self, kind, command):
        self.kind, self.times, self.best = kind, [], []
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE if not os.environ.get("VERBOSE")
                                        else None, text=True)
        first = self.process.stdout.readline()
        if not first:
            error = (self.process.stderr.read() if self.process.stderr else "").strip()
            raise RuntimeError(error.splitlines()[-1] if error else "ended without a word")
        hello = json.loads(first)
        self.ready, self.parameters = hello["ready"], hello["parameters"]

    def measure(self, seconds):
        self.process.stdin.write(f"measure {seconds}\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        self.times.append(answer["us"])
        self.best.append(answer["best_us"])

    def close(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        self.mib = int(status.split("VmHWM:")[1].split()[0]) // 1024
        self.process.stdin.close()
        self.process.wait()

    @property
    def us(self):
        return statistics.median(self.times)


def real_samples(name, limit):
    """The first samples and labels of the real set under $TREINO_DATA, or None."""
    try:
        images, labels = real_data.load(name)[0]
    except FileNotFoundError:
        return None
    return images[:limit], labels[:limit].astype(np.int32)


def make_samples(recipe, folder):
    import tomllib
    data = tomllib.loads(pathlib.Path(recipe).read_text())
    batch = data["train"].get("batch", 32)
    rows = batch * min(200, max(20, 8000 // batch))
    found = real_samples(data.get("data", ""), rows)
    origin = data.get("data", "") if found else "random bytes"
    if found is None:
        rng = np.random.default_rng(1)
        found = (rng.integers(0, 256, (rows, *data["input"]["shape"]), np.uint8),
                 rng.integers(0, 10, rows, np.int32))
    paths = [folder / f"{data['name']}.{part}" for part in ("samples", "labels")]
    for array, path in zip(found, paths):
        array.tofile(path)
    return paths, origin


def build_libtorch(folder):
    import torch
    where = pathlib.Path(torch.__file__).parent
    program = folder / "libtorch_peer"
    note("building libtorch_peer")
    subprocess.run(["g++", "-O2", "-std=c++20", f"-I{where}/include",
                    f"-I{where}/include/torch/csrc/api/include", HERE / "libtorch_peer.cpp", "-o",
                    program, f"-L{where}/lib", f"-Wl,-rpath,{where}/lib", "-Wl,--no-as-needed",
                    "-ltorch", "-ltorch_cpu", "-lc10", "-ltomlplusplus"], check=True)
    return program


class Runner:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.libtorch = None

    def command(self, kind, recipe, paths, extra):
        common = [recipe, "--samples", paths[0], "--labels", paths[1], "--threads",
                  str(self.options.threads), *extra]
        if kind.startswith("ours"):
            variant = "predict" if kind == "ours-predict" else "train"
            common += ["--variant", variant]
            return [ROOT / self.options.build / "treino_bench_peer", *common]
        if kind == "libtorch":
            self.libtorch = self.libtorch or build_libtorch(self.folder)
            return [self.libtorch, *common]
        program, variant = {"torch": ("torch_peer", "eager"),
                            "torch-cl": ("torch_peer", "channels_last"),
                            "torch-compile": ("torch_peer", "compile"),
                            "jax-jit": ("jax_peer", "jit"), "jax-scan": ("jax_peer", "scan"),
                            "keras": ("keras_peer", "fit"), "onnx": ("onnx_peer", "")}[kind]
        return [sys.executable, HERE / f"{program}.py", *common,
                *(["--variant", variant] if variant else [])]

    def interleave(self, recipe, kinds, extra=()):
        """{kind: Contestant}, each measured once a round in an order that turns."""
        paths, origin = make_samples(recipe, self.folder)
        running = {}
        for kind in kinds:
            if not kind.startswith("ours") and importlib.util.find_spec(MODULES[kind]) is None:
                continue
            try:
                running[kind] = Contestant(kind, [str(c) for c in
                                                  self.command(kind, recipe, paths, extra)])
            except (RuntimeError, subprocess.CalledProcessError) as error:
                note(f"  {TITLES[kind]}: left out, {error}")
        counts = {c.parameters for c in running.values()}
        if len(counts) > 1:
            raise SystemExit(f"{recipe}: not the same network: "
                             f"{ {k: c.parameters for k, c in running.items()} } parameters")
        order = list(running)
        for turn in range(self.options.rounds):
            for kind in order[turn % len(order):] + order[:turn % len(order)]:
                time.sleep(0.2)  # the last one's threads stop spinning
                running[kind].measure(self.options.seconds)
        for contestant in running.values():
            contestant.close()
        self.show(recipe, running)
        return running, origin

    @staticmethod
    def show(recipe, running):
        for kind, c in running.items():
            note(f"  {pathlib.Path(recipe).stem:<12} {TITLES[kind]:<24} {c.us:12.1f} us "
                 f"(best {min(c.best):.1f}, rounds {[round(t) for t in c.times]}) {c.mib} MiB")


def table(head, rows):
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def duration(us):
    return f"{us / 1000:.2f} ms" if us >= 1000 else f"{us:.1f} us"


def steps(runner, options):
    kinds = options.peers
    rows = []
    for recipe in options.networks:
        note(recipe)
        wanted = kinds if pathlib.Path(recipe).stem in ("mnist", "cifar10") or options.all_peers \
            else [k for k in kinds if k in ("torch", "torch-cl")]
        running, origin = runner.interleave(recipe, ["ours", *wanted])
        ours = running["ours"].us
        cells = [f"{pathlib.Path(recipe).stem} ({origin})", f"**{duration(ours)}**"]
        for kind in kinds:
            cells.append(f"{duration(running[kind].us)} ({running[kind].us / ours:.2f}x)"
                         if kind in running else "–")
        torch = [running[k].us for k in ("torch", "torch-cl") if k in running]
        cells.append(f"{min(torch) / ours:.2f}x" if torch else "–")
        rows.append(cells)
    print(f"### Step time, {options.threads} threads: median of {options.rounds} interleaved rounds"
          " (ratio to treino)\n")
    table(["network", "treino", *[TITLES[k] for k in kinds], "better PyTorch layout"], rows)


def scaling(runner, options):
    rows = []
    for recipe in options.networks:
        if pathlib.Path(recipe).stem not in ("mnist", "cifar10", "vgg128"):
            continue
        times = {}
        for threads in (1, 2):
            options.threads, kept = threads, options.threads
            times[threads] = runner.interleave(recipe, ["ours"])[0]["ours"].us
            options.threads = kept
        rows.append([pathlib.Path(recipe).stem, duration(times[1]), duration(times[2]),
                     f"{times[1] / times[2]:.2f}x"])
    print("### treino on one and two threads\n")
    table(["network", "1 thread", "2 threads", "gain"], rows)


def prediction(runner, options):
    recipe = str(ROOT / "recipes" / "cifar10.toml")
    rows = []
    for batch in (1, 256):
        running, _ = runner.interleave(recipe, ["ours-predict", "onnx"], ("--batch", str(batch)))
        ours = running["ours-predict"].us
        rows.append([f"cifar10, batch {batch}", f"**{duration(ours)}**",
                     f"{duration(running['onnx'].us)} ({running['onnx'].us / ours:.2f}x)"
                     if "onnx" in running else "–"])
    print("### Prediction\n")
    table(["network", "treino", "ONNX Runtime"], rows)


def processes(options):
    """Whole processes on the real data: start to test accuracy, peak memory by GNU time's method."""
    if "TREINO_DATA" not in os.environ:
        note("whole processes left out: set TREINO_DATA to a folder with mnist and cifar10")
        return
    rows = []
    for name, rounds in (("mnist", 5), ("cifar10", 1)):
        times, peaks = {}, {}
        contestants = {"ours": [ROOT / options.build / "treino", "train", name, "--threads",
                                str(options.threads), "--quiet"]}
        if importlib.util.find_spec("torch"):
            contestants["torch" if name == "mnist" else "torch-cl"] = [
                sys.executable, HERE / "torch_whole.py", name, "--threads", str(options.threads)]
        for _ in range(rounds):
            for kind, command in contestants.items():
                with tempfile.TemporaryDirectory() as out:
                    extra = ["--out", out + "/run"] if kind == "ours" else []
                    measured = subprocess.run(
                        [sys.executable, HERE / "measured.py", *map(str, command), *extra],
                        capture_output=True, text=True)
                if measured.returncode:
                    raise SystemExit(measured.stderr)
                result = json.loads(measured.stdout.splitlines()[-1])
                times.setdefault(kind, []).append(result["seconds"])
                peaks.setdefault(kind, []).append(result["mib"])
                note(f"  whole {name} {TITLES[kind]}: {result}")
        ours = statistics.median(times["ours"])
        for kind in contestants:
            median = statistics.median(times[kind])
            rows.append([name, TITLES[kind], f"{median:.2f} s ({median / ours:.1f}x)",
                         f"{max(peaks[kind])} MiB"])
    print("### Whole process, three epochs of the real data, start to test accuracy\n")
    table(["network", "trainer", "time", "peak memory"], rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", help="recipes; mnist, cifar10 and networks/*.toml by default")
    parser.add_argument("--build", default="build", help="folder with treino_bench_peer")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of one measurement")
    parser.add_argument("--peers", default=",".join(ALL), help="of " + ",".join(ALL))
    parser.add_argument("--all-peers", action="store_true",
                        help="every peer on every network, not only mnist and cifar10")
    parser.add_argument("--parts", default="steps,scaling,prediction,whole")
    options = parser.parse_args()
    options.peers = [p for p in options.peers.split(",") if p]
    for peer in options.peers:
        if peer not in ALL:
            parser.error(f"no peer {peer}; there are {', '.join(ALL)}")
    options.networks = options.networks or [
        str(ROOT / "recipes" / "mnist.toml"), str(ROOT / "recipes" / "cifar10.toml"),
        *sorted(str(p) for p in (HERE / "networks").glob("*.toml"))]
    if not (ROOT / options.build / "treino_bench_peer").exists():
        parser.error(f"{options.build}/treino_bench_peer is not there: configure with "
                     "-DTREINO_BENCHMARKS=ON and build it")
    print(f"CPU: {cpu_name()}; {options.threads} threads, {options.rounds} rounds of "
          f"{options.seconds:g} s\n", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        runner = Runner(options, pathlib.Path(folder))
        parts = options.parts.split(",")
        if "steps" in parts:
            steps(runner, options)
        if "scaling" in parts:
            scaling(runner, options)
        if "prediction" in parts:
            prediction(runner, options)
    if "whole" in options.parts.split(","):
        processes(options)


if __name__ == "__main__":
    main()

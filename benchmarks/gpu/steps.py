# SPDX-License-Identifier: Apache-2.0
"""Step times on a GPU: treino beside PyTorch and JAX, fp32 with TF32 off unless the name says so.

Every contestant of a network is started (all at once: they compile for long), and then asked in
turn, round after round. While one is measured the others are stopped, so that no thread of theirs
spins beside it. One that fails or does not start in time is named with its last line and left out.
"""

import argparse
import atexit
import json
import os
import pathlib
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import tomllib

import numpy as np

ROOT = pathlib.Path(__file__).resolve().parents[2]
THREADS = "4"
PEERS = {"torch": ("torch_peer", "eager"), "torch-cl": ("torch_peer", "channels_last"),
         "torch-compile": ("torch_peer", "compile"), "torch-max": ("torch_peer", "compile-max"),
         "torch-graph": ("torch_peer", "graph"), "torch-graph-cl": ("torch_peer", "graph-cl"),
         "torch-graph-compile": ("torch_peer", "graph-compile"),
         "jax-jit": ("jax_peer", "jit"), "jax-scan": ("jax_peer", "scan")}
USUAL = ("torch,torch-cl,torch-compile,torch-graph,torch-graph-cl,torch-graph-compile,"
         "torch-graph-compile-tf32,jax-jit,jax-scan,jax-scan-tf32")
PRECISIONS = ("tf32", "bf16")  # of treino


class Contestant:
    def __init__(self, name, command, log):
        self.name, self.log, self.times, self.hello, self.error = name, log, [], None, None
        # A group of its own: a compiler's helpers are stopped and ended with it.
        self.process = subprocess.Popen([str(c) for c in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=log.open("w"), text=True,
                                        process_group=0)
        self.reader = threading.Thread(target=self.read_hello, daemon=True)
        self.reader.start()

    def read_hello(self):
        self.hello = self.answer()

    def answer(self):
        for line in self.process.stdout:  # a library may print lines of its own
            try:
                return json.loads(line)
            except ValueError:
                pass
        return None

    def signal(self, which):
        if self.process.returncode is None:  # not waited for: the number is still its own
            os.killpg(self.process.pid, which)

    def end(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def fail(self, reason):
        self.end()
        lines = self.log.read_text(errors="replace").strip().splitlines()
        self.error = f"{reason}: {lines[-1][:200] if lines else 'it said nothing'}"

    def await_ready(self, deadline):
        self.reader.join(max(0.1, deadline - time.monotonic()))
        if self.hello is None:
            self.fail("not ready in time" if self.reader.is_alive() else "ended")

    def measure(self, seconds):
        timer = threading.Timer(seconds + 30, self.signal, [signal.SIGKILL])
        timer.start()
        self.signal(signal.SIGCONT)
        try:
            self.process.stdin.write(f"measure {seconds}\n")
            self.process.stdin.flush()
            reply = self.answer()
        except OSError:
            reply = None
        timer.cancel()
        if reply is None:
            self.fail("ended while it was measured")
        else:
            self.times.append(reply["us"])
            self.signal(signal.SIGSTOP)

    def close(self):
        if self.error:
            return
        self.signal(signal.SIGCONT)
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.end()


def samples(recipe, folder):
    data = tomllib.loads(pathlib.Path(recipe).read_text())
    batch, shape = data["train"].get("batch", 32), data["input"]["shape"]
    rows = batch * max(20, min(1875, 200_000_000 // (batch * int(np.prod(shape)))))
    rng = np.random.default_rng(1)
    paths = [folder / f"{data['name']}.{part}" for part in ("samples", "labels")]
    rng.integers(0, 256, (rows, *shape), np.uint8).tofile(paths[0])
    rng.integers(0, 10, rows, np.int32).tofile(paths[1])
    return paths


def smi_mib(pid):
    """What nvidia-smi says the process holds; None where it does not know processes."""
    try:
        text = subprocess.run(["nvidia-smi", "--query-compute-apps=pid,used_memory",
                               "--format=csv,noheader,nounits"], capture_output=True, text=True,
                              timeout=10).stdout
        return {int(p): int(m) for p, m in (line.split(",") for line in text.splitlines())}.get(pid)
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None


def measure(recipe, options, folder):
    data = samples(recipe, folder)
    label = pathlib.Path(recipe).stem
    start = time.monotonic()
    contestants = []
    for name in ["treino", *options.peers]:
        common = [recipe, "--samples", data[0], "--labels", data[1], "--device", options.device]
        ours, _, way = name.partition(":")
        if ours == "treino":
            command = [options.program, *common]
            if way in PRECISIONS:
                command += ["--precision", way]
            elif way:
                command = ["env", f"TREINO_CUDA_STEP={way}", *command]
        else:
            program, variant = PEERS[name.removesuffix("-tf32")]
            command = [sys.executable, ROOT / "benchmarks" / "peers" / f"{program}.py", *common,
                       "--threads", THREADS, "--variant", variant,
                       *(["--tf32"] if name.endswith("-tf32") else [])]
        contestants.append(Contestant(name, command, options.out / f"{label}.{name}.log"))
        atexit.register(contestants[-1].signal, signal.SIGKILL)
    for each in contestants:
        each.await_ready(start + options.patience)
    for each in contestants:
        each.smi = None if each.error else smi_mib(each.process.pid)
    for each in contestants:
        if not each.error:
            each.signal(signal.SIGSTOP)
    for turn in range(options.rounds):
        order = contestants[turn % len(contestants):] + contestants[:turn % len(contestants)]
        for each in order:
            if not each.error:
                each.measure(options.seconds)
    for each in contestants:
        each.close()
    show(label, contestants)


def show(label, contestants):
    ours = contestants[0]
    base = statistics.median(ours.times) if ours.times and not ours.error else None
    print(f"\n{label}: a step, median of rounds\n"
          f"{'':<26}{'us':>10}{'/treino':>9}{'spread':>16}{'MiB held':>10}{'nvidia-smi':>11}"
          f"{'ready s':>9}  parameters")
    for c in contestants:
        if c.error:
            print(f"{c.name:<26}left out, {c.error}")
            continue
        us = statistics.median(c.times)
        print(f"{c.name:<26}{us:10.1f}{us / base if base else float('nan'):8.2f}x"
              f"{f'{min(c.times):.1f}-{max(c.times):.1f}':>16}"
              f"{c.hello.get('device_bytes', 0) / 2**20:10.1f}{c.smi or '-':>11}"
              f"{c.hello['ready']:9.1f}  {c.hello['parameters']}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="+")
    parser.add_argument("--program", required=True, help="treino_bench_peer")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--peers", default=USUAL,
                        help=f"of {', '.join(PEERS)}, each also with -tf32, and treino:tf32, "
                             f"treino:bf16, and treino:WAY for TREINO_CUDA_STEP; usually {USUAL}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=0.7, help="of one measurement")
    parser.add_argument("--patience", type=float, default=100, help="seconds to start in")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out"))
    options = parser.parse_args()
    options.peers = [p for p in options.peers.split(",") if p]
    for peer in options.peers:
        if not peer.startswith("treino:") and peer.removesuffix("-tf32") not in PEERS:
            parser.error(f"no peer {peer}")
    options.out.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ["OMP_NUM_THREADS"] = THREADS
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ["JAX_TRACEBACK_FILTERING"] = "off"  # an error's last line says what it was
    with tempfile.TemporaryDirectory() as folder:
        for recipe in options.networks:
            measure(recipe, options, pathlib.Path(folder))


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""What the Python contestants share: arguments, data from local files, events (interface: docs/events.md).

Only numpy is imported, so that no contestant pays for another's framework.
"""
import argparse
import gzip
import hashlib
import json
import os
import pathlib
import socket
import time

_START = time.monotonic()

import numpy as np  # noqa: E402  (its import is part of the start-up that is measured)


class Events:
    """JSON lines to TREINO_EVENTS: a path, fd:N or unix:path. Without it nothing is written."""

    def __init__(self):
        address = os.environ.get("TREINO_EVENTS", "")
        self._send = lambda line: None
        if address.startswith("fd:"):
            descriptor = int(address[3:])
            self._send = lambda line: os.write(descriptor, line)
        elif address.startswith("unix:"):
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            connection.connect(address[5:])
            self._send = connection.sendall
        elif address:
            file = open(address, "ab", buffering=0)
            self._send = file.write
        self("process_start", t=_START)

    def __call__(self, event, t=None, **fields):
        line = {"event": event, "t": time.monotonic() if t is None else t, **fields}
        self._send((json.dumps(line) + "\n").encode())


def arguments(variants=("equal",)):
    parser = argparse.ArgumentParser()
    parser.add_argument("--work", choices=["mnist", "cifar10"], required=True)
    parser.add_argument("--variant", choices=variants, default="equal")
    parser.add_argument("--data", default=os.environ.get("TREINO_DATA", ""),
                        help="folder with mnist/ and cifar10/ inside, their files as published")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="float32", choices=["float32", "tf32", "bf16"],
                        help="what products multiply")
    options = parser.parse_args()
    if options.precision == "bf16":
        raise SystemExit("bf16: this framework's mixed precision rounds results too, which is other work")
    if options.precision == "tf32" and options.device == "cpu":
        raise SystemExit("tf32: this framework has it on a GPU only; set device = \"cuda\"")
    return options


def no_gpu(options, framework, why):
    """Ends a contestant that was asked for a device its framework does not have here."""
    why = " ".join(str(why).split())
    raise SystemExit(f"device {options.device}: {framework} sees no GPU ({why[:80]}); see treino doctor, "
                     "or name a Python that has its GPU build in TREINO_BENCH_PYTHON")


def _idx(folder, name, header):
    for path in (folder / f"{name}.gz", folder / name):
        if path.exists():
            raw = path.read_bytes()
            raw = gzip.decompress(raw) if path.suffix == ".gz" else raw
            return np.frombuffer(raw, np.uint8, offset=header)
    raise SystemExit(f"{folder}/{name}.gz: there is no such file; run: treino data get mnist")


def _mnist(folder):
    parts = []
    for split in ("train", "t10k"):
        parts.append(_idx(folder, f"{split}-images-idx3-ubyte", 16).reshape(-1, 28, 28, 1))
        parts.append(_idx(folder, f"{split}-labels-idx1-ubyte", 8))
    return parts


def _cifar10(folder):
    inner = folder / "cifar-10-batches-bin"
    folder = inner if inner.is_dir() else folder
    parts = []
    for names in ([f"data_batch_{i}.bin" for i in range(1, 6)], ["test_batch.bin"]):
        try:
            raw = b"".join((folder / name).read_bytes() for name in names)
        except FileNotFoundError as missing:
            raise SystemExit(f"{missing.filename}: there is no such file; run: treino data get cifar10")
        records = np.frombuffer(raw, np.uint8).reshape(-1, 3073)  # label, then red, green, blue planes
        images = records[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        parts += [np.ascontiguousarray(images), np.ascontiguousarray(records[:, 0])]
    return parts


def load(work, data):
    """Images as bytes (n, height, width, channels) and labels as bytes: train, then test."""
    folder = pathlib.Path(data) / work
    return _mnist(folder) if work == "mnist" else _cifar10(folder)


def data_ready(events, parts):
    """Says the data are there; the digest is over the decoded set: images, labels, test's likewise."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    events("data_ready", train=len(parts[1]), test=len(parts[3]), sha256=digest.hexdigest())


def layers(work, variant="equal"):
    """The network as it is said in `model_built`: (type, output, trainable numbers)."""
    if work == "mnist":
        rows = [("flatten", [784], 0), ("dense", [128], 100480)]
        rows += [("dense", [128], 16512)] if variant == "published-keras" else [("dropout", [128], 0)]
        return rows + [("dense", [10], 1290)]
    rows = []
    norm = variant != "published-keras"
    for filters, size, count in ((32, 30, 896), (64, 13, 18496)):
        rows.append(("conv2d", [size, size, filters], count))
        if norm:
            rows.append(("batch_norm", [size, size, filters], 2 * filters))
        rows.append(("max_pool", [size // 2, size // 2, filters], 0))
    rows += [("flatten", [2304], 0), ("dense", [64], 147520)]
    rows += [("dropout", [64], 0)] if norm else []
    return rows + [("dense", [10], 650)]


def model_built(events, counted, rows):
    """`counted`: the trainable numbers as the framework itself counts them."""
    said = sum(parameters for _, _, parameters in rows)
    if counted != said:
        raise SystemExit(f"the network has {counted} trainable numbers, its description {said}")
    events("model_built", parameters=counted,
           layers=[{"type": t, "output": o, "parameters": p} for t, o, p in rows])


ADAM = {"adam": {"rate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7}}


def work(events, options, optimizer=None, samples=0, shuffle=True):
    events("work", optimizer=optimizer or ADAM, batch=options.batch, samples_per_epoch=samples,
           epochs=options.epochs, precision=options.precision, shuffle=shuffle, loss="cross_entropy",
           seed=options.seed, threads=options.threads, device=options.device)


class Epochs:
    """Epoch and training events; `seconds` of training are those inside epochs only."""

    def __init__(self, events, batch):
        self._events, self._batch, self._total, self._number = events, batch, 0.0, 0
        events("train_start")

    def start(self):
        self._number += 1
        self._started = time.monotonic()
        self._events("epoch_start", t=self._started, epoch=self._number)

    def stop(self, samples, loss, accuracy, steps=None):
        """Call when the device has finished the epoch's last step."""
        now = time.monotonic()
        self._total += now - self._started
        self._events("epoch_stop", t=now, epoch=self._number, seconds=now - self._started,
                     samples=samples, steps=steps or -(-samples // self._batch),
                     loss=float(loss), accuracy=float(accuracy))

    def done(self):
        self._events("train_stop", seconds=self._total)


def evaluated(events, samples, loss, accuracy):
    events("eval", split="test", samples=samples, loss=float(loss), accuracy=float(accuracy))
    events("exit", status=0)
    print(f"test loss {float(loss):.4f}, test accuracy {float(accuracy):.4f}")

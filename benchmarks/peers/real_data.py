# SPDX-License-Identifier: Apache-2.0
"""MNIST and CIFAR-10 from the published files under $TREINO_DATA, packed or not."""

import gzip
import os
import pathlib

import numpy as np


def found(pattern):
    root = pathlib.Path(os.environ.get("TREINO_DATA", "/nonexistent"))
    paths = sorted(root.glob(pattern))
    if not paths:
        raise FileNotFoundError(f"{root}: nothing like {pattern}")
    return paths


def idx(pattern, header):
    path = found(pattern)[0]
    data = path.read_bytes()
    return np.frombuffer(gzip.decompress(data) if path.suffix == ".gz" else data, np.uint8)[header:]


def load(name):
    """[(images u8 NHWC, labels u8)] of the training and the test part."""
    if name == "mnist":
        return [(idx(f"mnist/**/{part}-images*idx3-ubyte*", 16).reshape(-1, 28, 28, 1),
                 idx(f"mnist/**/{part}-labels*idx1-ubyte*", 8)) for part in ("train", "t10k")]
    if name != "cifar10":
        raise FileNotFoundError(f"no reader of {name}")
    parts = []
    for pattern in ("data_batch_*.bin", "test_batch.bin"):
        rows = np.concatenate([np.fromfile(path, np.uint8).reshape(-1, 3073)
                               for path in found(f"cifar10/**/{pattern}")])
        images = rows[:, 1:].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1)
        parts.append((np.ascontiguousarray(images), rows[:, 0]))
    return parts

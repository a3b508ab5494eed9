# SPDX-License-Identifier: Apache-2.0
"""part.py --work W --samples N --data DIR --into DIR -- COMMAND...

Writes the first N training (and at most as many test) samples of MNIST or CIFAR-10 in the sets' own
file formats, then becomes COMMAND. Only Python's own library is used.
"""
import argparse
import gzip
import os
import pathlib
import struct
import sys

split = sys.argv.index("--")
parser = argparse.ArgumentParser()
parser.add_argument("--work", choices=["mnist", "cifar10"], required=True)
parser.add_argument("--samples", type=int, required=True)
parser.add_argument("--data", type=pathlib.Path, required=True)
parser.add_argument("--into", type=pathlib.Path, required=True)
options = parser.parse_args(sys.argv[1:split])
command = sys.argv[split + 1:]
options.into.mkdir(parents=True, exist_ok=True)


def cut_idx(name, header, bytes_each):
    source = options.data / "mnist" / f"{name}.gz"
    raw = gzip.decompress(source.read_bytes())
    count = min(options.samples, struct.unpack(">I", raw[4:8])[0])
    cut = raw[:4] + struct.pack(">I", count) + raw[8:header + count * bytes_each]
    (options.into / f"{name}.gz").write_bytes(gzip.compress(cut, 1))


if options.work == "mnist":
    for part in ("train", "t10k"):
        cut_idx(f"{part}-images-idx3-ubyte", 16, 28 * 28)
        cut_idx(f"{part}-labels-idx1-ubyte", 8, 1)
else:
    folder = options.data / "cifar10" / "cifar-10-batches-bin"
    for name in ("data_batch_1.bin", "test_batch.bin"):
        with open(folder / name, "rb") as file:
            (options.into / name).write_bytes(file.read(options.samples * 3073))
os.execvp(command[0], command)

# SPDX-License-Identifier: Apache-2.0
"""Pieces of CIFAR-10's binary files in little room, and back:

  pictures.py pack FOLDER_OF_BATCHES OUTPUT TRAINING TEST     so many pictures of each part
  pictures.py unpack FOLDER FOLDER_OF_BATCHES                 repeated to the size of the whole set

All 50000 and 10000 are five files train.<batch>.xz of 17 MB and test.xz, which may travel one by one.
Of each picture red and blue are kept as differences to green, and of each plane what a pixel has
beyond its neighbours above and on the left: three fifths of what gzip makes of the same.
"""

import lzma
import pathlib
import sys

import numpy as np

RECORD, ROWS = 3073, 10000
CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()


def packed(records):
    planes = records[:, 1:].reshape(-1, 3, 32, 32).copy()
    planes[:, ::2] -= planes[:, 1:2]
    for axis in (2, 3):
        planes = np.diff(planes, axis=axis, prepend=np.uint8(0))
    return lzma.compress(records[:, 0].tobytes() + planes.tobytes(), preset=9)


def unpacked(data):
    data = np.frombuffer(lzma.decompress(data), np.uint8)
    labels, planes = np.split(data, [len(data) // RECORD])
    planes = planes.reshape(-1, 3, 32, 32)
    for axis in (3, 2):
        planes = np.cumsum(planes, axis, np.uint8)
    planes[:, ::2] += planes[:, 1:2]
    return np.hstack([labels[:, None], planes.reshape(len(labels), -1)])


def main():
    action, source, target = sys.argv[1], *map(pathlib.Path, sys.argv[2:4])
    target.mkdir(parents=True, exist_ok=True)
    if action == "pack":
        train, test = int(sys.argv[4]), int(sys.argv[5])
        pieces = {"test": ("test_batch.bin", test)}
        for i in range(1, 6):
            if (count := min(train - ROWS * (i - 1), ROWS)) > 0:
                pieces[f"train.{i}"] = (f"data_batch_{i}.bin", count)
        for name, (file, count) in pieces.items():
            records = np.fromfile(source / file, np.uint8, count * RECORD).reshape(-1, RECORD)
            result = packed(records)
            assert (unpacked(result) == records).all()
            (target / f"{name}.xz").write_bytes(result)
        return
    pieces = [unpacked(path.read_bytes()) for path in sorted(source.glob("train.*.xz"))]
    train = np.resize(np.vstack(pieces), (5 * ROWS, RECORD))
    test = np.resize(unpacked((source / "test.xz").read_bytes()), (ROWS, RECORD))
    for i in range(1, 6):
        train[ROWS * (i - 1):ROWS * i].tofile(target / f"data_batch_{i}.bin")
    test.tofile(target / "test_batch.bin")
    (target / "batches.meta.txt").write_text("\n".join(CLASSES) + "\n")


if __name__ == "__main__":
    main()

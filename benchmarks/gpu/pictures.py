# SPDX-License-Identifier: Apache-2.0
"""Pieces of CIFAR-10's binary files in little room, and back:

  pictures.py pack FOLDER_OF_BATCHES OUTPUT TRAINING TEST     so many pictures of each part
  pictures.py unpack FOLDER FOLDER_OF_BATCHES                 repeated to the size of the whole set

Each file holds 2500 pictures or fewer (4.2 MB): all 50000 and 10000 are train.00.xz to train.19.xz
and test.00.xz to test.03.xz, which may travel one by one.
Of each picture red and blue are kept as differences to green, and of each plane what a pixel has
beyond its neighbours above and on the left: three fifths of what gzip makes of the same.
"""

import lzma
import pathlib
import sys

import numpy as np

RECORD, ROWS, PIECE = 3073, 10000, 2500
# Nothing repeats in such data: what a byte's left neighbour says of it is all there is to gain.
CODER = {"id": lzma.FILTER_LZMA2, "preset": 6, "lc": 4, "lp": 0, "pb": 0, "mode": lzma.MODE_NORMAL,
         "mf": lzma.MF_BT2, "nice_len": 8, "depth": 1}
CLASSES = "airplane automobile bird cat deer dog frog horse ship truck".split()


def packed(records):
    planes = records[:, 1:].reshape(-1, 3, 32, 32).copy()
    planes[:, ::2] -= planes[:, 1:2]
    for axis in (2, 3):
        planes = np.diff(planes, axis=axis, prepend=np.uint8(0))
    data = records[:, 0].tobytes() + planes.swapaxes(0, 1).tobytes()
    return lzma.compress(data, format=lzma.FORMAT_XZ, filters=[CODER])


def unpacked(data):
    data = np.frombuffer(lzma.decompress(data), np.uint8)
    labels, planes = np.split(data, [len(data) // RECORD])
    planes = planes.reshape(3, -1, 32, 32).swapaxes(0, 1)
    for axis in (3, 2):
        planes = np.cumsum(planes, axis, np.uint8)
    planes[:, ::2] += planes[:, 1:2]
    return np.hstack([labels[:, None], planes.reshape(len(labels), -1)])


def whole(paths, rows, files):
    """All files have of it: the pieces one after the other, again and again."""
    if not paths:
        sys.exit("pictures.py: no pieces of " + ", ".join(path.name for path in files))
    found = np.vstack([unpacked(path.read_bytes()) for path in paths])
    print(f"{len(found)} pictures for {rows}")
    for i, part in enumerate(np.split(np.resize(found, (rows, RECORD)), len(files))):
        part.tofile(files[i])


def main():
    action, target = sys.argv[1], pathlib.Path(sys.argv[3 if sys.argv[1] == "pack" else -1])
    target.mkdir(parents=True, exist_ok=True)
    train_files = [f"data_batch_{i}.bin" for i in range(1, 6)]
    if action == "pack":
        source = pathlib.Path(sys.argv[2])
        for name, files, count in (("train", train_files, int(sys.argv[4])),
                                   ("test", ["test_batch.bin"], int(sys.argv[5]))):
            records = np.concatenate([np.fromfile(source / file, np.uint8) for file in files])
            records = records.reshape(-1, RECORD)[:count]
            for i in range(0, len(records), PIECE):
                piece = records[i:i + PIECE]
                result = packed(piece)
                assert (unpacked(result) == piece).all()
                (target / f"{name}.{i // PIECE:02}.xz").write_bytes(result)
        return
    pieces = sorted(pathlib.Path(sys.argv[2]).glob("*.xz"))
    whole([p for p in pieces if p.name.startswith("train.")], 5 * ROWS,
          [target / file for file in train_files])
    whole([p for p in pieces if p.name.startswith("test.")], ROWS, [target / "test_batch.bin"])
    (target / "batches.meta.txt").write_text("\n".join(CLASSES) + "\n")


if __name__ == "__main__":
    main()

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Loading and decoding, ours and torchvision's in turns on the same cores.

    cmake -S . -B build -DTREINO_BENCHMARKS=ON && cmake --build build --target treino_bench_data
    TREINO_DATA=... PYTHON_WITH_TORCHVISION benchmarks/bench_data.py build/treino_bench_data [--pictures DIR]

Without --pictures, 10,000 JPEGs like Caltech 101's (colour, 300 pixels long, quality 75) are made in a
temporary folder. torchvision decodes them with its ImageFolder's default loader (Pillow) behind a
DataLoader with one worker a core, and in a plain loop for one core; both keep 8-bit pixels.
"""
import argparse
import json
import os
import subprocess
import tempfile
import time


def make_pictures(folder, count):
    import numpy
    from PIL import Image

    rng = numpy.random.default_rng(1)
    for i in range(count):
        height, width = (200 + i % 101, 300) if i % 3 else (300, 200 + i % 101)
        coarse = rng.integers(0, 256, (height // 12 + 1, width // 12 + 1, 3), dtype=numpy.uint8)
        image = Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)
        noise = rng.normal(0, 6, (height, width, 3))
        image = Image.fromarray(numpy.clip(numpy.asarray(image) + noise, 0, 255).astype(numpy.uint8))
        place = os.path.join(folder, f"class{i % 10}")
        os.makedirs(place, exist_ok=True)
        image.save(os.path.join(place, f"{i:05}.jpg"), quality=75)


def pixels(image):
    from torchvision.transforms.functional import pil_to_tensor

    return pil_to_tensor(image)


def torchvision_seconds(folder, workers):
    import torch
    from torchvision.datasets import ImageFolder

    torch.set_num_threads(1)
    dataset = ImageFolder(folder, transform=pixels)
    loader = torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=workers)
    begin, cpu = time.monotonic(), time.process_time()
    count = sum(1 for _ in loader)
    seconds, cpu = time.monotonic() - begin, time.process_time() - cpu
    assert count == len(dataset)
    return seconds, cpu


def ours(binary, *arguments, cores=None):
    command = [binary, *arguments]
    if cores:
        command = ["taskset", "-c", ",".join(map(str, cores)), *command]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return [json.loads(line) for line in text.splitlines()]


def mnist_by_torchvision(data):
    from torchvision.datasets.mnist import read_image_file, read_label_file
    import gzip
    import shutil

    # torchvision unpacks once and reads the raw files afterwards; both are timed.
    with tempfile.TemporaryDirectory() as folder:
        begin = time.monotonic()
        for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
            with gzip.open(os.path.join(data, "mnist", f"{name}-ubyte.gz")) as source, open(os.path.join(folder, name), "wb") as target:
                shutil.copyfileobj(source, target)
        unpacked = time.monotonic()
        for part in ("train", "t10k"):
            read_image_file(os.path.join(folder, f"{part}-images-idx3"))
            read_label_file(os.path.join(folder, f"{part}-labels-idx1"))
        return time.monotonic() - begin, time.monotonic() - unpacked


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--pictures")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    data = os.environ.get("TREINO_DATA")
    if data:
        for name in ("mnist", "cifar10"):
            for line in ours(options.binary, "ready", name):
                print(f"{name:8} {'from the index' if line['index'] else 'from its files'}: {line['seconds']:.4f} s ({line['cpu_seconds']:.4f} CPU-s)")
        if os.path.exists(os.path.join(data, "mnist")):
            packed, raw = (min(column) for column in zip(*(mnist_by_torchvision(data) for _ in range(3))))
            print(f"mnist    torchvision's readers: from .gz {packed:.4f} s, unpacked before {raw:.4f} s")
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.pictures
        if not folder:
            folder = temporary
            make_pictures(folder, options.count)
        theirs_all, theirs_one, ours_all, ours_one = [], [], [], []
        for _ in range(options.rounds):  # in turns, so that a busy moment hits all alike
            ours_all.append(ours(options.binary, "decode", folder)[0])
            theirs_all.append(torchvision_seconds(folder, len(cores)))
            ours_one.append(ours(options.binary, "decode", folder, cores=cores[:1])[0])
            os.sched_setaffinity(0, cores[:1])
            theirs_one.append(torchvision_seconds(folder, 0))
            os.sched_setaffinity(0, cores)

    def report(what, a, b):
        print(f"decode, {what}: ours {min(a):.2f} s, torchvision {min(b):.2f} s, {min(b) / min(a):.2f} times as fast")

    wall = "seconds"
    report(f"{len(cores)} cores", [r[wall] for r in ours_all], [t[0] for t in theirs_all])
    report("1 core", [r[wall] for r in ours_one], [t[0] for t in theirs_one])
    report("1 core, processor time", [r["cpu_seconds"] for r in ours_one], [t[1] for t in theirs_one])


if __name__ == "__main__":
    main()

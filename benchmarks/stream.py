#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Trains on a generated set from its file and from memory: speed and peak memory of both.

    benchmarks/stream.py build/treino --gib 4 --recipe cifar10

The set is random 32x32x3 pictures of ten classes in one .safetensors file (Python's standard library only).
"""
import argparse, json, os, random, struct, subprocess, sys, tempfile


def write_set(path, rows):
    """train.samples u8 [rows, 32, 32, 3], train.labels u8 [rows]; a small test part."""
    sizes = [("train.samples", [rows, 32, 32, 3]), ("train.labels", [rows]),
             ("test.samples", [640, 32, 32, 3]), ("test.labels", [640])]
    header, at = {}, 0
    for name, shape in sizes:
        count = 1
        for extent in shape:
            count *= extent
        header[name] = {"dtype": "U8", "shape": shape, "data_offsets": [at, at + count]}
        at += count
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    chance = random.Random(1)
    block = chance.randbytes(8 << 20)
    with open(path + ".part", "wb") as out:
        out.write(struct.pack("<Q", len(text)) + text)
        for name, shape in sizes:
            begin, end = header[name]["data_offsets"]
            left = end - begin
            while left > 0:
                if name.endswith("labels"):
                    piece = bytes(byte % 10 for byte in chance.randbytes(min(left, 1 << 20)))
                else:
                    shift = chance.randrange(len(block))  # another order of the same random bytes
                    piece = (block[shift:] + block[:shift])[:left]
                out.write(piece)
                left -= len(piece)
    os.replace(path + ".part", path)


def train(program, recipe, path, stream, epochs, threads, more):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "run")
        command = [program, "train", recipe, "--data", path, "--epochs", str(epochs), "--out", out, "--quiet"]
        if stream:
            command.append("--stream")
        if threads:
            command += ["--threads", str(threads)]
        for change in more:
            command += ["--set", change]
        environment = dict(os.environ, XDG_CACHE_HOME=os.path.join(folder, "cache"))
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)
        events = [json.loads(line) for line in open(os.path.join(out, "events.jsonl"))]
        seconds = min(e["seconds"] for e in events if e["event"] == "epoch_stop")
        peak = [e["peak_memory_bytes"] for e in events if e["event"] == "exit"][0]
        work = [e for e in events if e["event"] == "work"][0]
        return seconds, peak, work


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("program")
    options.add_argument("--gib", type=float, default=4)
    options.add_argument("--recipe", default="cifar10")
    options.add_argument("--epochs", type=int, default=1)
    options.add_argument("--threads", type=int)
    options.add_argument("--folder", default=tempfile.gettempdir(), help="where the set is written (and left)")
    options.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="as treino train")
    options.add_argument("--no-resident", action="store_true", help="only from the file")
    chosen = options.parse_args()
    rows = int(chosen.gib * 2**30 / 3072)
    path = os.path.join(chosen.folder, f"treino-stream-{rows}.safetensors")
    if not os.path.exists(path):
        write_set(path, rows)
    results = {}
    for name in ["streamed"] + ([] if chosen.no_resident else ["resident"]):
        seconds, peak, work = train(chosen.program, chosen.recipe, path, name == "streamed", chosen.epochs,
                                    chosen.threads, chosen.set)
        results[name] = seconds
        print(f"{name}: {rows / seconds:,.0f} samples/s, peak {peak / 2**20:.0f} MiB, input {work['input']}, "
              f"shuffle {work['shuffle']}, ring {work.get('ring_bytes', 0) / 2**20:.0f} MiB", flush=True)
    if "resident" in results:
        print(f"streamed at {100 * results['resident'] / results['streamed']:.1f} % of the resident speed")


if __name__ == "__main__":
    main()

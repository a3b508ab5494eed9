# SPDX-License-Identifier: Apache-2.0
"""The monitor's GPU columns beside what nvidia-smi says at the same time, under known loads:

training steps without a pause, the same process stopped half of the time (in turns of half a
second), and stopped all the time. The process holds the GPU in all three.
"""

import argparse
import csv
import json
import os
import pathlib
import signal
import statistics
import subprocess
import threading
import time

QUERY = "utilization.gpu,memory.used,power.draw.instant,clocks.sm,utilization.memory"
COLUMNS = ("gpu_util_pct", "gpu_device_util_pct", "gpu_mem_mib", "gpu_power_w", "gpu_sm_mhz",
           "gpu_sm_pct", "gpu_occupancy_pct", "gpu_dram_pct")


def numbers(texts):
    result = []
    for text in texts:
        try:
            result.append(float(text))
        except (TypeError, ValueError):
            pass
    return result


def spread(values):
    if not values:
        return "nothing"
    return f"{statistics.mean(values):.1f} ({min(values):.1f}-{max(values):.1f}, {len(values)} rows)"


def smi(*arguments):
    try:
        return subprocess.run(["nvidia-smi", *arguments], capture_output=True, text=True,
                              timeout=10).stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        return ""


def start_smi(path):
    try:
        return subprocess.Popen(["nvidia-smi", f"--query-gpu={QUERY}", "-lms", "100",
                                 "--format=csv,noheader,nounits"], stdout=path.open("w"),
                                stderr=subprocess.DEVNULL)
    except OSError:
        return None


def half(pid, end):
    while not end.is_set():
        os.kill(pid, signal.SIGSTOP)
        end.wait(0.5)
        os.kill(pid, signal.SIGCONT)
        end.wait(0.5)


def watch(name, load, options, idle_mib):
    file = {kind: options.out / f"monitor.{name}.{kind}" for kind in ("csv", "json", "smi")}
    beside = start_smi(file["smi"])
    start = time.monotonic()
    said = subprocess.run(
        [options.treino, "monitor", "--pid", str(load.pid), "--for", f"{options.seconds}s",
         "--csv", str(file["csv"]), "--json", "--no-summary"],
        capture_output=True, text=True, timeout=options.seconds + 30)
    wall = time.monotonic() - start
    if beside:
        beside.terminate()
        beside.wait()
    file["json"].write_text(said.stdout + said.stderr)
    with file["csv"].open() as rows:
        rows = list(csv.DictReader(rows))
    reasons = {part for row in rows for part in row["status"].split("; ") if "gpu" in part}
    rows = rows[2:]  # the first differences reach back to the start
    print(f"\n{name}: the monitor ({len(rows)} rows)")
    for column in COLUMNS:
        print(f"  {column:<22}{spread(numbers(row.get(column) for row in rows))}")
    for column in ("gpu_s", "gpu_energy_j"):  # counters
        values = numbers(row.get(column) for row in rows)
        if len(values) > 1:
            seconds = float(rows[-1]["t_s"]) - float(rows[0]["t_s"])
            print(f"  {column:<22}{values[-1] - values[0]:.2f} in {seconds:.2f} s: "
                  f"{(values[-1] - values[0]) / seconds:.2f} a second")
    status = {row["gpu_status"] for row in rows}
    print(f"  {'gpu_status':<22}{', '.join(sorted(status))}")
    for reason in sorted(reasons)[:6]:
        print(f"    {reason[:160]}")
    print(f"{name}: nvidia-smi beside it")
    if not beside:
        print("  is not here")
        return
    lines = [line.split(",") for line in file["smi"].read_text().splitlines()]
    for i, field in enumerate(QUERY.split(",")):
        values = numbers(line[i] for line in lines if len(line) > i)
        extra = ""
        if field == "memory.used" and values:
            extra = f"; {statistics.median(values) - idle_mib:.0f} more than before the load"
        if field == "power.draw.instant" and values:
            extra = f"; {statistics.mean(values) * wall:.0f} J in {wall:.2f} s"
        print(f"  {field:<22}{spread(values)}{extra}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--treino", required=True)
    parser.add_argument("--load", required=True, help="treino_bench_step")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--recipe", default="recipes/mnist.toml")
    parser.add_argument("--seconds", type=float, default=5, help="of each load")
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("out"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    idle = numbers(smi("--query-gpu=memory.used", "--format=csv,noheader,nounits").splitlines())
    load = subprocess.Popen([options.load, options.recipe, f"device={options.device}",
                             "seconds=100000", "window=0.05", "profile=0"],
                            stdout=(options.out / "monitor.load.log").open("w"),
                            stderr=subprocess.STDOUT)
    try:
        time.sleep(3)
        if load.poll() is not None:
            text = (options.out / "monitor.load.log").read_text().strip()
            raise SystemExit(f"the load ended: {text[-300:]}")
        print("nvidia-smi's processes:",
              smi("--query-compute-apps=pid,used_memory", "--format=csv,noheader") or "none",
              f"(ours is {load.pid})")
        before = idle[0] if idle else float("nan")
        watch("full", load, options, before)
        end = threading.Event()
        turns = threading.Thread(target=half, args=(load.pid, end))
        turns.start()
        try:
            watch("half", load, options, before)
        finally:
            end.set()
            turns.join()
        os.kill(load.pid, signal.SIGSTOP)
        time.sleep(0.5)
        watch("stopped", load, options, before)
    finally:
        load.kill()
        load.wait()


if __name__ == "__main__":
    main()

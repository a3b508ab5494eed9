#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Known loads under `treino monitor`, psrecord and prmon: what each of them says, beside the truth.

    python3 benchmarks/monitor_peers.py [--treino build/treino] [--only shared ...] [--json FILE]

psrecord comes from PyPI: found as PSRECORD, beside this interpreter, or on PATH. prmon likewise (PRMON),
where it is installed. The truth is the kernel's own count of the load (wait4's rusage), or how the load
is made; the observers' cost is read from outside, from their own CPU clocks. Prints a Markdown table.
"""

import argparse
import json
import os
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time


def find(name):
    beside = os.path.join(os.path.dirname(sys.executable), name)
    return os.environ.get(name.upper()) or (beside if os.access(beside, os.X_OK) else shutil.which(name))


PSRECORD, PRMON = find("psrecord"), find("prmon")
HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def process_clock(pid):
    """CPU seconds of a process, from its nanosecond clock (clock_getcpuclockid)."""
    return time.clock_gettime(~pid << 3 | 2)


def load(*words):
    return [ARGS.treino, "monitor", "--load", *map(str, words)]


def ours(command, *options):
    done = subprocess.run([ARGS.treino, "monitor", "--json", *options, "--", *command],
                          capture_output=True, text=True)
    return json.loads(done.stdout)


def psrecord(command):
    """Integral of CPU and largest real memory of its log; None where there is no psrecord."""
    if not PSRECORD:
        return None
    with tempfile.TemporaryDirectory() as folder:
        log = os.path.join(folder, "log")
        subprocess.run([PSRECORD, shlex.join(command), "--log", log, "--interval", "0.1", "--include-children"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        rows = []
        if os.path.exists(log):
            with open(log) as file:
                rows = [[float(x) for x in line.split()[:3]] for line in file if not line.startswith("#")]
    cpu = sum((b[0] - a[0]) * b[1] / 100 for a, b in zip(rows, rows[1:]))
    span = rows[-1][0] - rows[0][0] if len(rows) > 1 else 0
    return {"cpu_s": cpu, "mean": cpu / span if span else float("nan"),
            "rss": max((r[2] for r in rows), default=float("nan"))}


def prmon(command):
    """The summary prmon writes, at its shortest interval; None where there is no prmon."""
    if not PRMON:
        return None
    with tempfile.TemporaryDirectory() as folder:
        summary = os.path.join(folder, "summary.json")
        subprocess.run([PRMON, "--interval", "1", "--filename", os.path.join(folder, "log"),
                        "--json-summary", summary, "--", *command],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(summary) as file:
            most = json.load(file)["Max"]
    cpu = most.get("utime", 0) + most.get("stime", 0)
    return {"cpu_s": cpu, "mean": cpu / max(most.get("wtime", 0), 1), "pss": most.get("pss", 0) / 1024}


def text(value, form):
    return "–" if value is None else form(value)


def children():
    command = load("children", 150, 20)
    group, ledger = ours(command), ours(command, "--no-cgroup")
    kernel = group["cpu_s_rusage"]
    peer, other = psrecord(command), prmon(command)
    return {"load": "150 children of 20 ms CPU each", "must": "within 3 % of rusage",
            "truth": f"{kernel:.2f} s (ledger's run {ledger['cpu_s_rusage']:.2f})",
            "treino": f"{group['cpu_s']:.2f} s; ledger {ledger['cpu_s']:.2f} s",
            "ok": all(abs(s["cpu_s"] / s["cpu_s_rusage"] - 1) < 0.03 for s in (group, ledger)),
            "psrecord": text(peer, lambda p: f"{p['cpu_s']:.2f} s"),
            "prmon": text(other, lambda p: f"{p['cpu_s']:.0f} s")}


def duty():
    command = load("duty", 0.37, 8)
    group, ledger = ours(command), ours(command, "--no-cgroup")
    truths = [100 * s["cpu_s_rusage"] / s["wall_s"] for s in (group, ledger)]
    peer, other = psrecord(command), prmon(command)
    return {"load": "37 % duty cycle, 8 s", "must": "mean within 1 point",
            "truth": f"{truths[0]:.1f} % (ledger's run {truths[1]:.1f})",
            "treino": f"{100 * group['cpu_cores_mean']:.1f} %; ledger {100 * ledger['cpu_cores_mean']:.1f} %",
            "ok": all(abs(100 * s["cpu_cores_mean"] - t) < 1 for s, t in zip((group, ledger), truths)),
            "psrecord": text(peer, lambda p: f"{100 * p['mean']:.1f} %"),
            "prmon": text(other, lambda p: f"{100 * p['mean']:.0f} %")}


def shared():
    command = load("shared", 300, 4, 4)
    summary = ours(command)
    peer, other = psrecord(command), prmon(command)
    return {"load": "parent with 300 MiB, 4 forks sharing it", "must": "PSS 313 MiB ± 5 %", "truth": "300 MiB + the program",
            "treino": f"{summary['peak_pss_mib']:.0f} MiB (RSS sum {summary['peak_rss_mib']:.0f}, anon {summary['peak_anon_mib']:.0f})",
            "ok": abs(summary["peak_pss_mib"] / 313 - 1) < 0.05,
            "psrecord": text(peer, lambda p: f"{p['rss']:.0f} MiB (RSS)"),
            "prmon": text(other, lambda p: f"{p['pss']:.0f} MiB")}


def big_parent():
    ballast = bytearray(400 << 20)
    ballast[::4096] = b"x" * len(ballast[::4096])
    summary = ours(["/bin/sleep", "0.3"])
    true = ours(["/bin/true"])
    peaks = [s[k] for s in (summary, true) for k in ("peak_rss_mib", "peak_pss_mib", "peak_cgroup_mib") if s[k] is not None]
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"load": "/bin/true under a 400 MiB parent", "must": "peak < 20 MiB", "truth": f"parent {own:.0f} MiB",
            "treino": f"at most {max(peaks):.1f} MiB", "ok": max(peaks) < 20, "psrecord": "–", "prmon": "–"}


def cost_of(arguments, seconds):
    """CPU of a monitor and its helper, in percent of a core, over a steady while."""
    monitor = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    time.sleep(8)  # until the load stands
    before, start = process_clock(monitor.pid), time.monotonic()
    time.sleep(seconds)
    percent = 100 * (process_clock(monitor.pid) - before) / (time.monotonic() - start)
    monitor.send_signal(signal.SIGINT)
    monitor.wait()
    return percent


def observer():
    seconds = ARGS.seconds
    command = load("sleepers", 50, 30, 10000)
    csv = ["--csv", os.devnull, "--no-summary"]
    group = cost_of([ARGS.treino, "monitor", *csv, "--no-pss", "--", *command], seconds)
    with_pss = cost_of([ARGS.treino, "monitor", *csv, "--", *command], seconds)
    watched = subprocess.Popen(command, start_new_session=True)
    time.sleep(3)
    pid = str(watched.pid)
    ledger = cost_of([ARGS.treino, "monitor", *csv, "--no-pss", "--pid", pid], seconds)
    ledger_pss = cost_of([ARGS.treino, "monitor", *csv, "--pid", pid], seconds)
    peer = cost_of([PSRECORD, pid, "--log", os.devnull, "--interval", "0.1", "--include-children"], seconds) if PSRECORD else None
    other = cost_of([PRMON, "--interval", "1", "--pid", pid], seconds) if PRMON else None
    os.killpg(watched.pid, signal.SIGKILL)
    watched.wait()
    return {"load": f"observer: 50 processes of 30 MiB, 10 Hz, {seconds:.0f} s", "must": "≤ 0.5 % of a core, PSS ≤ 0.2 % more",
            "truth": "read from outside",
            "treino": f"{group:.2f} %, with PSS {with_pss:.2f} %; ledger {ledger:.2f} %, with PSS {ledger_pss:.2f} %",
            "ok": max(group, ledger) <= 0.5 and max(with_pss - group, ledger_pss - ledger) <= 0.2,
            "psrecord": text(peer, lambda p: f"{p:.1f} %"), "prmon": text(other, lambda p: f"{p:.2f} % at 1 Hz")}


def stopped():
    with tempfile.TemporaryDirectory() as folder:
        lines = os.path.join(folder, "lines")
        monitor = subprocess.Popen([ARGS.treino, "monitor", "--no-summary", "--jsonl", lines, "--", *load("duty", 0.5, 3)])
        time.sleep(1.03)
        monitor.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
        monitor.send_signal(signal.SIGCONT)
        monitor.wait()
        with open(lines) as file:
            all_lines = [json.loads(line) for line in file]
    rows = [line for line in all_lines if line["kind"] == "row"]
    summary = all_lines[-1]["summary"]
    integral = sum(r["cpu_cores"] * r["dt_s"] for r in rows if r["cpu_cores"] is not None)
    kernel = summary["cpu_s_rusage"]
    return {"load": "monitor stopped 500 ms (SIGSTOP)", "must": "missed = 5, integral unchanged", "truth": f"{kernel:.3f} s",
            "treino": f"missed {summary['missed']}, integral {integral:.3f} s, longest dt {max(r['dt_s'] for r in rows):.3f} s",
            "ok": summary["missed"] >= 5 and abs(integral / kernel - 1) < 0.03, "psrecord": "–", "prmon": "–"}


def daemon():
    command = load("daemon", 300)
    summary = ours(command)
    left = subprocess.run(["pgrep", "-f", "monitor --load daemon 300"], capture_output=True, text=True).stdout.split()
    if PSRECORD:
        psrecord(command)
        lost = subprocess.run(["pgrep", "-f", "monitor --load daemon 300"], capture_output=True, text=True).stdout.split()
        for pid in lost:
            os.kill(int(pid), signal.SIGKILL)
    return {"load": "daemonised child", "must": "stays in the tree, ended at the end", "truth": "1 daemon",
            "treino": (summary["notes"] or ["nothing noted"])[0], "ok": not left and bool(summary["notes"]),
            "psrecord": ("left running" if lost else "ended") if PSRECORD else "–", "prmon": "–"}


def forks():
    command = load("forks", 500, 10, 0.5)
    group, ledger = ours(command), ours(command, "--no-cgroup")
    peer, other = psrecord(command), prmon(command)
    return {"load": "a tree that forks 500/s for 10 s", "must": "within 3 %, monotone (unit test)",
            "truth": f"{group['cpu_s_rusage']:.2f} s (ledger's run {ledger['cpu_s_rusage']:.2f})",
            "treino": f"{group['cpu_s']:.2f} s; ledger {ledger['cpu_s']:.2f} s",
            "ok": all(abs(s["cpu_s"] / s["cpu_s_rusage"] - 1) < 0.03 for s in (group, ledger)),
            "psrecord": text(peer, lambda p: f"{p['cpu_s']:.2f} s"), "prmon": text(other, lambda p: f"{p['cpu_s']:.0f} s")}


def many():
    command = load("sleepers", 2000, 0.1, 20)
    group, ledger = ours(command), ours(command, "--no-cgroup", "--no-pss")
    return {"load": "2,000 processes", "must": "no crash, all counted", "truth": "2001",
            "treino": f"{group['peak_processes']}; ledger {ledger['peak_processes']}; "
                      f"a row {group['observer_row_ms_p50']:.1f} ms, ledger {ledger['observer_row_ms_p50']:.1f} ms",
            "ok": group["peak_processes"] == ledger["peak_processes"] == 2001, "psrecord": "–", "prmon": "–"}


ROWS = [children, duty, shared, big_parent, observer, stopped, daemon, forks, many]


def main():
    global ARGS
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--treino", default=os.path.join(HERE, "build", "treino"))
    parser.add_argument("--only", nargs="*", choices=[row.__name__ for row in ROWS])
    parser.add_argument("--seconds", type=float, default=60, help="of steady watching, for the observers' cost")
    parser.add_argument("--json", help="the rows as JSON")
    ARGS = parser.parse_args()
    ARGS.treino = os.path.abspath(ARGS.treino)
    results = []
    print("| load | must | truth | treino | | psrecord | prmon |\n|---|---|---|---|---|---|---|")
    for row in ROWS:
        if ARGS.only and row.__name__ not in ARGS.only:
            continue
        r = row()
        results.append(r)
        print("| {load} | {must} | {truth} | {treino} | {verdict} | {psrecord} | {prmon} |".format(
            verdict="yes" if r["ok"] else "NO", **r), flush=True)
    if ARGS.json:
        with open(ARGS.json, "w") as file:
            json.dump(results, file, indent=1)
    return 0 if all(r["ok"] for r in results) else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a kernel keeps in memory what belongs into registers.

usage: registers.py REPORT BACKEND_FOLDER [--table]
REPORT is what ptxas said when the kernels were built (cmake/compile_kernels.cmake). On a GPU a
product whose sums left the registers was five times slower. --table shows each kernel's registers.
"""
import pathlib
import re
import sys

# Those that interpret a group's instructions, keep a picture's transform, or hold whole programs
# (treino_levels and its parts, run_block).
MAY = re.compile(r"treino_(levels|elementwise_\w+|fused_\w+|augment\w*)|.*run_block.*")

# Bytes a thread may put away: none where products were timed; elsewhere a few numbers that its loop
# does not change, for which ptxas has room for one block more, but not its sums (64 and more).
MOST = {"sm_90": 0}
MOST_ELSEWHERE = 48

FUNCTION = re.compile(
    r"(Compiling entry function '\S+' for '(?P<target>\S+)'\s+ptxas info\s+: )?Function properties for (?P<name>\S+)\s+"
    r"(?P<frame>\d+) bytes stack frame, (?P<stores>\d+) bytes spill stores, (?P<loads>\d+) bytes spill loads"
    r"(\s+ptxas info\s+: Used (?P<registers>\d+) registers)?")
ENTRY = re.compile(r"Compiling entry function '(\S+)' for '(\S+)'")
ROW = re.compile(r"^TREINO_KERNEL(?:_ALONE)?\((\w+),", re.MULTILINE)


def complaints(report, kernels):
    """One line for each kernel that is not in the report of every architecture, or spills."""
    entries = ENTRY.findall(report)
    targets = sorted({target for _, target in entries})
    if not targets:
        return ["the report has no kernels"]
    lines = [f"{name}: nothing is said of it for {target}"
             for target in targets for name in kernels if (name, target) not in set(entries)]
    functions = list(FUNCTION.finditer(report))
    if len(functions) != report.count("Function properties for"):
        lines.append("the report is not written as it used to be: registers.py must learn it")
    for found in functions:
        frame, stores, loads = (int(found[k]) for k in ("frame", "stores", "loads"))
        most = MOST.get(found["target"], MOST_ELSEWHERE)
        if max(frame, stores) > most and not MAY.fullmatch(found["name"]):
            lines.append(f"{found['name']} for {found['target']}: {frame} bytes of stack, {stores} spilled, {loads} read back")
    return lines


def selftest():
    def said(name, numbers, target="sm_90"):
        return (f"ptxas info    : Compiling entry function '{name}' for '{target}'\n"
                f"ptxas info    : Function properties for {name}\n"
                "    %d bytes stack frame, %d bytes spill stores, %d bytes spill loads\n" % numbers +
                "ptxas info    : Used 64 registers, used 1 barriers\n")
    good, fused = said("treino_conv", (0, 0, 0)), said("treino_fused_f32", (288, 0, 0))
    assert complaints(good + fused, ["treino_conv"]) == []
    for numbers in (8, 0, 0), (0, 4, 4):
        assert len(complaints(said("treino_conv", numbers), ["treino_conv"])) == 1
    assert complaints(said("treino_conv", (8, 8, 8), "sm_80"), ["treino_conv"]) == []
    assert len(complaints(said("treino_conv", (64, 64, 64), "sm_80"), ["treino_conv"])) == 1
    assert len(complaints(good, ["treino_conv", "treino_softmax"])) == 1
    assert complaints("", ["treino_conv"])
    assert complaints(good.replace("spill", "spilled"), ["treino_conv"])


def main(report, folder, *options):
    selftest()
    report, folder = pathlib.Path(report), pathlib.Path(folder)
    if not report.exists():
        print(f"{report} is not there: the kernels were built without nvcc")
        return 77
    text = report.read_text()
    rows = ROW.findall((folder / "kernels.def").read_text())
    if "--table" in options:
        for found in FUNCTION.finditer(text):
            print(f"{found['target'] or '-'} {found['registers'] or '-':>4} {found['name']}")
    lines = complaints(text, ["treino_" + row for row in rows])
    print("\n".join(lines) or f"{len(rows)} kernels, none spills")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

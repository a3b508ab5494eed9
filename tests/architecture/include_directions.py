#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Fails when a folder under treino/ includes another against the project's layout.

usage: include_directions.py SOURCE_TREE
A folder may include what its row names, and all that those may include in turn.
"""
import pathlib
import re
import sys

MAY_INCLUDE = {
    "base": [],
    "chart": ["base"],
    "format": ["base"],
    "graph": ["base"],
    "nn": ["graph"],
    "runtime": ["graph"],
    "compiler": ["runtime"],
    "backend/reference": ["runtime"],
    "backend/cpu": ["runtime"],
    "backend/cuda": ["runtime"],
    "backend": ["backend/reference", "backend/cpu", "backend/cuda"],
    "data": ["base", "format"],
    "train": ["nn", "compiler", "runtime", "data", "format"],
    "interop": ["nn", "train"],
    "monitor": ["base", "chart"],
    "experiment": ["monitor"],
    "report": ["experiment", "chart"],
    "serve": ["train", "report"],
}
EVERYTHING = {"cli", ""}  # "": the umbrella header
# Of another module's headers, only these may be used from where they are restricted.
ONLY_HEADER = {("report", "experiment"): "treino/experiment/result.h"}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+"(treino/[^"]+)"', re.MULTILINE)


def folder_of(path):
    """The module a path like treino/backend/cpu/kernels/x.h belongs to."""
    parts = pathlib.PurePosixPath(path).parts[1:-1]
    if not parts:
        return ""
    two = "/".join(parts[:2])
    return two if two in MAY_INCLUDE else parts[0]


def reachable(folder):
    seen, queue = set(), [folder]
    while queue:
        for target in MAY_INCLUDE[queue.pop()]:
            if target not in seen:
                seen.add(target)
                queue.append(target)
    return seen | {folder}


def wrong_arrows(files):
    """files: {path: text}. Yields one line for each include against the rule."""
    for path, text in sorted(files.items()):
        folder = folder_of(path)
        if folder in EVERYTHING:
            continue
        if folder not in MAY_INCLUDE:
            yield f"{path}: folder treino/{folder} has no row in {pathlib.Path(__file__).name}"
            continue
        allowed = reachable(folder)
        for match in INCLUDE.finditer(text):
            header, target = match.group(1), folder_of(match.group(1))
            line = text.count("\n", 0, match.start()) + 1
            if target not in allowed:
                yield f"{path}:{line}: treino/{folder} may not include {header}"
            only = ONLY_HEADER.get((folder, target))
            if only and header != only:
                yield f"{path}:{line}: of treino/{target}, treino/{folder} may include only {only}"


def selftest():
    good = {"treino/nn/a.h": '#include "treino/base/shape.h"\n', "treino/cli/main.cpp": '#include "treino/train/fit.h"\n'}
    bad = {
        "treino/nn/a.h": '\n#include "treino/backend/cpu/device.h"\n',
        "treino/monitor/b.cpp": '#include "treino/train/fit.h"\n',
        "treino/unknown/c.cpp": "",
    }
    assert list(wrong_arrows(good)) == []
    found = list(wrong_arrows(bad))
    assert len(found) == 3 and any(":2: treino/nn may not include" in line for line in found), found


def main():
    selftest()
    root = pathlib.Path(sys.argv[1])
    files = {
        p.relative_to(root).as_posix(): p.read_text(encoding="utf-8")
        for p in (root / "treino").rglob("*")
        if p.suffix in {".h", ".cpp", ".cu", ".cuh", ".def"}
    }
    if len(files) < 50:
        sys.exit(f"only {len(files)} sources found under {root}/treino")
    found = list(wrong_arrows(files))
    print("\n".join(found) if found else f"{len(files)} files, every include points the right way")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()

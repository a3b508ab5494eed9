#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A terminal's screen as SVG, for the documentation:
tmux capture-pane -e -p | terminal_to_svg.py > screen.svg"""
import html
import re
import sys

COLORS = ["#3b4048", "#e06c75", "#98c379", "#e5c07b", "#61afef", "#c678dd", "#56b6c2", "#dcdfe4",
          "#7f848e", "#ff7b86", "#b5e890", "#ffd787", "#7cc7ff", "#e29cf5", "#7fe0ec", "#ffffff"]
INK, PAPER = "#dcdfe4", "#1e2127"
WIDE, HIGH = 8.4, 17


def color(codes, start, otherwise):
    """Of the SGR codes 30-37, 38;5;n and 90-97 (start = 30), or the same for backgrounds (40)."""
    base = start
    if base <= codes[0] < base + 8:
        return COLORS[codes[0] - base], 1
    if base + 60 <= codes[0] < base + 68:
        return COLORS[codes[0] - base - 52], 1
    if codes[0] == base + 8 and len(codes) > 2 and codes[1] == 5 and codes[2] < 16:
        return COLORS[codes[2]], 3
    return otherwise, 1


def draw(lines):
    columns = max(len(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in lines)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {columns * WIDE + 20:.0f} '
           f'{len(lines) * HIGH + 20}" role="img" aria-label="a terminal" font-size="14" '
           f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" xml:space="preserve">'
           f'<style>text{{white-space:pre}}</style><rect width="100%" height="100%" rx="6" fill="{PAPER}"/>']
    ink, bold, inverse, dim = INK, False, False, False
    for row, line in enumerate(lines):
        column = 0
        for piece in re.split(r"(\x1b\[[0-9;]*m)", line):
            if piece.startswith("\x1b["):
                codes = [int(code or 0) for code in piece[2:-1].split(";")]
                while codes:
                    used = 1
                    if codes[0] == 0:
                        ink, bold, inverse, dim = INK, False, False, False
                    elif codes[0] == 1:
                        bold = True
                    elif codes[0] == 2:
                        dim = True
                    elif codes[0] == 7:
                        inverse = True
                    elif codes[0] == 27:
                        inverse = False
                    elif codes[0] == 39:
                        ink = INK
                    else:
                        ink, used = color(codes, 30, ink)
                    codes = codes[used:]
                continue
            if not piece:
                continue
            x, y = 10 + column * WIDE, 10 + row * HIGH
            if inverse:
                out.append(f'<rect x="{x:.1f}" y="{y}" width="{len(piece) * WIDE:.1f}" '
                           f'height="{HIGH}" fill="{ink}"/>')
            if piece.strip():
                weight = ' font-weight="bold"' if bold else ""
                faint = ' opacity=".7"' if dim else ""
                out.append(f'<text x="{x:.1f}" y="{y + 13}" textLength="{len(piece) * WIDE:.1f}" '
                           f'fill="{PAPER if inverse else ink}"{weight}{faint}>'
                           f'{html.escape(piece)}</text>')
            column += len(piece)
    return "\n".join(out) + "\n</svg>\n"


if __name__ == "__main__":
    sys.stdout.write(draw(sys.stdin.read().rstrip("\n").split("\n")))

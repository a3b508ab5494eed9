#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws what a terminal showed as an SVG picture.

usage: COMMAND 2>&1 | terminal_svg.py TITLE >picture.svg
Lines that begin with "$ " are shown as typed commands.
"""
import html
import sys

CHARACTER, LINE, MARGIN, BAR = 8.4, 20, 18, 30


def main():
    title = sys.argv[1]
    lines = [line.rstrip() for line in sys.stdin.read().splitlines()]
    width = max([60, *map(len, lines)]) * CHARACTER + 2 * MARGIN
    height = len(lines) * LINE + 2 * MARGIN + BAR
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:.0f} {height:.0f}" width="{width:.0f}" '
        f'height="{height:.0f}" role="img" aria-label="{html.escape(title)}">',
        f"<title>{html.escape(title)}</title>",
        f'<rect width="{width:.0f}" height="{height:.0f}" rx="8" fill="#16181d"/>',
        f'<text x="{width / 2:.0f}" y="20" fill="#8b93a3" text-anchor="middle" font-family="sans-serif" '
        f'font-size="13">{html.escape(title)}</text>',
        '<g font-family="DejaVu Sans Mono,Menlo,Consolas,monospace" font-size="14" xml:space="preserve">',
    ]
    for row, line in enumerate(lines):
        y = BAR + MARGIN + row * LINE + 4
        colour = "#7fd1a0" if line.startswith("$ ") else "#d8dce4"
        weight = ' font-weight="bold"' if line.startswith(("$ ", "test accuracy")) else ""
        out.append(f'<text x="{MARGIN}" y="{y}" fill="{colour}"{weight}>{html.escape(line)}</text>')
    out += ["</g>", "</svg>"]
    print("\n".join(out))


if __name__ == "__main__":
    main()

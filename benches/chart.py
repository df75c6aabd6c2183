#!/usr/bin/env python3
"""Draws the medians of one side-by-side run as an SVG.

    benches/chart.py RESULT.json CHART.svg

RESULT.json holds `figures`: program -> {cold, p50 (ms), cpu (ms), requests, rss, zip (MiB)}.
Every row is one of them, or what a million PATCHes cost by them; every bar is a program, as a share
of the row's largest.
"""

import json
import sys
from html import escape

ROWS = [
    ("p50", "warm request, median", "ms"),
    ("cold", "cold start to first answer", "ms"),
    ("cpu", "CPU per invocation", "ms"),
    ("requests", "DynamoDB requests", "per PATCH"),
    ("rss", "peak memory", "MiB"),
    ("cost", "a million PATCHes", "USD"),
]
# List prices of docs/performance.md: a million write units, read units, Lambda requests; a GB-s.
WRITE, READ, REQUEST, GB_SECOND = 0.7625, 0.1525, 0.20, 0.0000166667
COLOURS = ["#1769aa", "#8a8f98", "#a9aeb6", "#c8ccd2"]
WIDTH, LABEL, BAR, GAP = 720, 190, 16, 22

result, chart = sys.argv[1:]
with open(result, encoding="utf-8") as file:
    figures = json.load(file)["figures"]
programs = list(figures)
for each in figures.values():
    # Of an item of 1 KB: one write, and reads; 256 MB for p50.
    gb_seconds = 0.25 * each["p50"] * 1000
    each["cost"] = WRITE + READ * (each["requests"] - 1) + REQUEST + GB_SECOND * gb_seconds
height = GAP + len(ROWS) * (len(programs) * BAR + GAP) + GAP
parts = [
    f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
    'font-family="sans-serif" font-size="12" fill="#24292f">',
    f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
]
y = GAP
for name, label, unit in ROWS:
    most = max(figures[program][name] for program in programs)
    parts.append(f'<text x="8" y="{y + BAR}">{escape(label)}</text>')
    for program, colour in zip(programs, COLOURS):
        value = figures[program][name]
        width = (WIDTH - LABEL - 190) * value / most
        parts.append(f'<rect x="{LABEL}" y="{y}" width="{width:.1f}" height="{BAR - 3}" fill="{colour}"/>')
        text = f"{escape(program)} {value:.2f} {unit}".strip()
        parts.append(f'<text x="{LABEL + width + 6:.1f}" y="{y + 11}" font-size="11">{text}</text>')
        y += BAR
    y += GAP
parts.append("</svg>")
with open(chart, "w", encoding="utf-8") as file:
    file.write("\n".join(parts) + "\n")

#!/usr/bin/env python3
"""Draws what `benches/load` measured, and puts its figures into the page: docs/load.json -> docs/load.svg, docs/load.md.

    python3 benches/load_plot.py [docs]
"""

import json
import math
import pathlib
import sys

INK, FAINT, GRID = "#24292f", "#6e7781", "#e6e8eb"
# Of the phases in the order in which they were run; only these are drawn as curves.
CURVES = {0: ("#c2410c", "as fast as it goes"), 2: ("#d9a406", "bursts"), 1: ("#1d4ed8", "half load"), 4: ("#8c959f", "no-op, half load")}
PERCENTILES = [(0, "0"), (1, "90"), (2, "99"), (3, "99.9"), (4, "99.99 %")]


class Panel:
    """A rectangle with axes; x and y map values to places."""

    def __init__(self, left, top, width, height, x_range, y_range, log=False):
        self.left, self.top, self.width, self.height = left, top, width, height
        self.x_range, self.y_range, self.log = x_range, y_range, log
        self.parts = []

    def x(self, value):
        low, high = self.x_range
        return self.left + (value - low) / (high - low) * self.width

    def y(self, value):
        low, high = self.y_range
        if self.log:
            value, low, high = math.log10(max(value, low)), math.log10(low), math.log10(high)
        return self.top + self.height - (value - low) / (high - low) * self.height

    def text(self, x, y, text, size=12, color=INK, anchor="start", weight="normal"):
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}" text-anchor="{anchor}" '
            f'font-weight="{weight}">{text}</text>'
        )

    def title(self, text, under):
        self.text(self.left - 40, self.top - 34, text, 14, weight="600")
        self.text(self.left - 40, self.top - 16, under, 12, FAINT)

    def rule(self, x1, y1, x2, y2, color=GRID):
        self.parts.append(f'<path d="M{x1:.1f} {y1:.1f}L{x2:.1f} {y2:.1f}" stroke="{color}" fill="none"/>')

    def grid(self, xs, ys):
        for value, label in ys:
            self.rule(self.left, self.y(value), self.left + self.width, self.y(value))
            self.text(self.left - 8, self.y(value) + 4, label, 11, FAINT, "end")
        for value, label in xs:
            self.rule(self.x(value), self.top + self.height, self.x(value), self.top + self.height + 4, FAINT)
            self.text(self.x(value), self.top + self.height + 19, label, 11, FAINT, "middle")
        self.rule(self.left, self.top + self.height, self.left + self.width, self.top + self.height, FAINT)

    def line(self, points, color, width=2.0, opacity=1.0):
        path = "L".join(f"{self.x(x):.1f} {self.y(y):.1f}" for x, y in points)
        self.parts.append(
            f'<path d="M{path}" stroke="{color}" stroke-width="{width}" stroke-opacity="{opacity}" '
            'fill="none" stroke-linejoin="round"/>'
        )


def latency(results):
    phases = results["phases"]
    highest = max(ms for at in CURVES for _, ms in phases[at]["curve"])
    decades = range(-1, math.ceil(math.log10(highest)) + 1)
    panel = Panel(70, 70, 700, 250, (0, 4), (10 ** decades[0] / 2, 10 ** decades[-1]), log=True)
    panel.title("Time of an invocation, by percentile", "in ms, from the environment's taking a delivery to its answer")
    panel.grid(PERCENTILES, [(10**decade, f"{10.0**decade:g}") for decade in decades])
    ends = []
    for at, (color, label) in CURVES.items():
        # A hundred points for every nine.
        points = [(step / 100, ms) for step, (_, ms) in enumerate(phases[at]["curve"])]
        panel.line(points, color)
        ends.append([panel.y(points[-1][1]), color, label])
    # Names stand at the ends of their curves, never on one another.
    ends.sort()
    for before, after in zip(ends, ends[1:]):
        after[0] = max(after[0], before[0] + 16)
    for y, color, label in ends:
        panel.text(panel.left + panel.width + 10, y + 4, label, 12, color, weight="600")
    return panel


def memory(results):
    looks = [[value / 2**20 for value in look] for look in results["memory"]]
    each = results["invocations_each"]
    step = 4 if max(map(max, looks)) < 16 else 8
    top = step * (math.floor(max(map(max, looks)) / step) + 1)
    panel = Panel(70, 440, 400, 180, (0, each), (0, top))
    hour = ": 10 a second for an hour" if each == 36_000 else ""
    panel.title("Memory of each environment", f"resident, in MiB, over {each:,} invocations of each{hour}")
    panel.grid([(each * part / 4, f"{each * part // 4:,}") for part in range(5)], [(mib, str(mib)) for mib in range(0, top + 1, step)])
    for environment in zip(*looks):
        points = [((at + 1) / len(looks) * each, mib) for at, mib in enumerate(environment)]
        panel.line(points, "#1d4ed8", 1.2, 0.45)
    return panel


def processor(results):
    receiver, nothing = results["phases"][0], results["phases"][3]
    bars = [
        ("receiver", receiver["function_cpu_ms"], "#1d4ed8"),
        ("load and stand-ins", receiver["generator_cpu_ms"], "#93b4f5"),
        ("no-op", nothing["function_cpu_ms"], "#8c959f"),
        ("its load", nothing["generator_cpu_ms"], "#c9ced4"),
    ]
    panel = Panel(690, 440, 160, 180, (0, max(value for _, value, _ in bars)), (0, 1))
    panel.left -= 90
    panel.title("Processor time of a delivery", "in ms, as fast as it goes")
    panel.left += 90
    for place, (label, value, color) in enumerate(bars):
        y = panel.top + 8 + place * 44
        panel.parts.append(
            f'<rect x="{panel.left}" y="{y}" width="{max(panel.x(value) - panel.left, 1):.1f}" height="28" fill="{color}"/>'
        )
        panel.text(panel.left - 8, y + 18, label, 12, INK, "end")
        panel.text(panel.x(value) + 6, y + 18, f"{value:.2f}", 12, INK)
    return panel


def table(results):
    rows = ["| | deliveries | a second | p50 | p99 | p99.9 | max | CPU each, function | CPU each, the rest | other work |"]
    rows.append("|---" + "|--:" * 9 + "|")
    for phase in results["phases"]:
        time = [f"{phase['invocation'][name]:.2f}" for name in ("p50", "p99", "p99_9", "max")]
        cpu = [f"{phase[name]:.3f}" for name in ("function_cpu_ms", "generator_cpu_ms")]
        cells = [f"{phase['deliveries']:,}", f"{phase['per_second']:,.0f}", *time, *cpu, f"{phase['other_cpus']:.1f}"]
        rows.append(f"| {phase['name']} | {' | '.join(cells)} |")
    verdict, memory = results["verdict"], results["memory"]
    last = sorted(value / 2**20 for value in memory[-1])
    total = sum(phase["deliveries"] for phase in results["phases"][:3])
    rows += [
        "",
        f"{results['environments']} environments, {total:,} deliveries to them after the warm-up, "
        f"on average {results['invocations_each']:,} to each of them in the first phase. Events: {verdict['events']:,}; messages in the queue: "
        f"{verdict['messages']:,}; lost: {verdict['lost']}; doubled: {verdict['doubled']}; forged or strange: "
        f"{verdict['not_sent_by_us']}; wrong answers: {verdict['wrong_answers']}; second copies that the queue dropped "
        f"(of deliveries at the same time): {verdict['dropped_by_the_queue']:,}. Memory at the end of the first phase: "
        f"{last[0]:.1f} to {last[-1]:.1f} MiB; the most that one environment grew from the second tenth of it to the "
        f"last: {verdict['memory_growth_bytes'] / 1024:.0f} KiB.",
    ]
    return "\n".join(rows)


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    results = json.loads((folder / "load.json").read_text())
    panels = "\n".join(part for panel in (latency, memory, processor) for part in panel(results).parts)
    (folder / "load.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 920 670" width="920" height="670" '
        'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">\n'
        f'<rect width="920" height="670" fill="#ffffff"/>\n{panels}\n</svg>\n'
    )
    page = folder / "load.md"
    before, _, after = page.read_text().partition("<!-- figures -->")
    _, _, after = after.partition("<!-- end -->")
    page.write_text(f"{before}<!-- figures -->\n{table(results)}\n<!-- end -->{after}")


if __name__ == "__main__":
    main()

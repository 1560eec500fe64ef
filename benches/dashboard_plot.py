#!/usr/bin/env python3
"""Draws the dashboard of `template.yaml` with figures recorded in the laboratory: docs/dashboard.json -> docs/dashboard.svg.

    RECORD=1 UPDATE_DOCS=1 cargo test --test it recording    # records, and resolves the definition
    python3 benches/dashboard_plot.py [docs]
"""

import html
import json
import math
import pathlib
import re
import sys

from load_plot import FAINT, GRID, INK, Panel

COLUMN, UNIT, MARGIN, TOP = 48, 34, 12, 98
# Those that CloudWatch gives series without a colour, as far as needed.
PALETTE = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2"]
MISSING = "not recorded"


class Series:
    def __init__(self, label, color, values, right=False):
        self.label, self.color, self.values, self.right = label, color, values, right

    def is_empty(self):
        return all(value is None for value in self.values)


def text(x, y, content, size=11, color=INK, anchor="start", extra=""):
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{color}" text-anchor="{anchor}" {extra}>'
        f"{html.escape(str(content))}</text>"
    )


def cut(content, width, size=11):
    """The beginning of a text that fits into a width in pixels, about."""
    room = int(width / (size * 0.54))
    return content if len(content) <= room else content[: room - 1] + "…"


def found(recorded, namespace, name, dimensions):
    """The recorded metrics of a name; a search names dimensions without values."""
    for metric in recorded["metrics"]:
        if (metric["namespace"], metric["name"]) != (namespace, name):
            continue
        if metric["dimensions"] == dimensions or (dimensions is None and metric["dimensions"]):
            yield metric


def series(widget, recorded):
    """The lines of a widget, in its order."""
    result, by_id, nothing = [], {}, [None] * len(recorded["seconds"])
    for row in widget["metrics"]:
        options = row[-1] if isinstance(row[-1], dict) else {}
        color, right = options.get("color"), options.get("yAxis") == "right"
        statistic = options.get("stat", widget.get("stat", "Average"))
        search = re.match(r"""SEARCH\('\{"([^"]+)",[^}]*\} MetricName="(\w+)"', '(\w+)'""", options.get("expression", ""))
        if search:
            namespace, name, statistic = search.groups()
            for place, metric in enumerate(found(recorded, namespace, name, None)):
                label = re.sub(r"\$\{PROP\('Dim\.(\w+)'\)\}", lambda it: metric["dimensions"][it[1]], options["label"])
                result.append(Series(label, PALETTE[place % len(PALETTE)], metric[statistic]))
        elif "expression" in options:
            # Arithmetic of the template, with the ids of the other series.
            values = [
                None if value is None else eval(options["expression"], {"__builtins__": {}}, {name: value})
                for name, known in by_id.items()
                for value in known
            ]
            result.append(Series(options["label"], color, values, right))
        else:
            names = [part for part in row if isinstance(part, str)]
            dimensions = dict(zip(names[2::2], names[3::2]))
            [values] = [metric[statistic] for metric in found(recorded, *names[:2], dimensions)] or [nothing]
            result.append(Series(options["label"], color, values, right))
            if "id" in options:
                by_id[options["id"]] = values
    return result


def rounded(highest):
    """The end of an axis and the distance of its labels."""
    if highest <= 0:
        return 1, 1
    step = 10 ** math.floor(math.log10(highest / 2))
    step *= next(factor for factor in (1, 2, 5, 10) if highest / (step * factor) <= 4)
    return math.ceil(highest / step) * step, step


def metric(widget, recorded, left, top, width, height):
    lines = series(widget, recorded)
    seconds = recorded["seconds"]
    stacked = widget.get("stacked", False)
    if stacked:
        below = [0.0] * len(seconds)
        for line in lines:
            line.bottom = below
            below = [sum + (value or 0) for sum, value in zip(below, line.values)]
            line.top = below
    drawn = [value for line in lines if not line.right for value in (line.top if stacked else line.values) if value is not None]
    end, step = rounded(max(drawn, default=0))
    legend_rows = legend(lines, widget, left, top + height, width)
    area = Panel(left + 44, top + 34, width - (92 if any(it.right for it in lines) else 70), height - 62 - 16 * len(legend_rows), (0, seconds[-1] or 1), (0, end))
    ticks = [step * place for place in range(round(end / step) + 1)]
    area.grid([(at, f"{at} s") for at in range(0, int(seconds[-1]) + 1, 50)], [(at, f"{at:,.12g}") for at in ticks])
    other = Panel(area.left, area.top, area.width, area.height, area.x_range, (0, widget["yAxis"].get("right", {}).get("max", 1)))
    if other.y_range[1] != 1:
        for value in range(0, other.y_range[1] + 1, 7):
            area.text(area.left + area.width + 8, other.y(value) + 4, value, 11, FAINT)
    if all(line.is_empty() for line in lines):
        area.text(area.left + area.width / 2, area.top + area.height / 2 + 4, MISSING, 12, FAINT, "middle")
    for line in lines:
        axes = other if line.right else area
        if stacked:
            edge = [(x, y) for x, y in zip(seconds, line.top)] + [(x, y) for x, y in reversed(list(zip(seconds, line.bottom)))]
            path = "L".join(f"{axes.x(x):.1f} {axes.y(y):.1f}" for x, y in edge)
            area.parts.append(f'<path d="M{path}Z" fill="{line.color}" fill-opacity="0.75"/>')
            continue
        for run in runs(seconds, line.values):
            if len(run) == 1:
                [(x, y)] = run
                area.parts.append(f'<circle cx="{axes.x(x):.1f}" cy="{axes.y(y):.1f}" r="2" fill="{line.color}"/>')
            else:
                path = "L".join(f"{axes.x(x):.1f} {axes.y(y):.1f}" for x, y in run)
                area.parts.append(f'<path d="M{path}" stroke="{line.color}" stroke-width="1.6" fill="none" stroke-linejoin="round"/>')
    for mark in widget.get("annotations", {}).get("horizontal", []):
        if mark["value"] <= end:
            y = area.y(mark["value"])
            area.parts.append(f'<path d="M{area.left} {y:.1f}h{area.width}" stroke="{mark["color"]}" stroke-dasharray="4 3"/>')
    return area.parts + [part for row in legend_rows for part in row]


def runs(seconds, values):
    """The values without gaps."""
    run = []
    for point in [*zip(seconds, values), (None, None)]:
        if point[1] is not None:
            run.append(point)
        elif run:
            yield run
            run = []


def legend(lines, widget, left, bottom, width):
    entries = []
    for line in lines:
        color = "#c9ced4" if line.is_empty() else line.color
        label = f"{line.label} ({MISSING})" if line.is_empty() else line.label
        mark = f'<rect x="{{x}}" y="{{y}}" width="10" height="10" fill="{color}"/>'
        entries.append((mark, label, FAINT if line.is_empty() else INK))
    for line in widget.get("annotations", {}).get("horizontal", []):
        mark = f'<path d="M{{x}} {{y5}}h10" stroke="{line["color"]}" stroke-width="2" stroke-dasharray="4 2"/>'
        entries.append((mark, f"{line['label']}: {line['value']:,}", INK))
    rows, x = [[]], left + 14
    for mark, label, color in entries:
        needed = 22 + len(label) * 6.1
        if x + needed > left + width - 4 and rows[-1]:
            rows.append([])
            x = left + 14
        rows[-1].append((x, mark, label, color))
        x += needed
    parts = []
    for place, row in enumerate(rows):
        y = bottom - 12 - 16 * (len(rows) - 1 - place)
        parts.append([])
        for x, mark, label, color in row:
            parts[-1].append(mark.format(x=f"{x:.1f}", y=f"{y - 9:.1f}", y5=f"{y - 4:.1f}"))
            parts[-1].append(text(x + 15, y, label, 11, color))
    return parts


def alarms(widget, _recorded, left, top, width, height):
    names = [arn.rsplit(":", 1)[1] for arn in widget["alarms"]]
    columns = 6
    rows = math.ceil(len(names) / columns)
    step, high = (width - 24) / columns, (height - 40) / rows
    parts = []
    for place, name in enumerate(names):
        x, y = left + 12 + place % columns * step, top + 32 + place // columns * high
        parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{step - 8:.1f}" height="{high - 5:.1f}" rx="3" fill="#f6f8fa" stroke="#d0d7de"/>')
        parts.append(text(x + (step - 8) / 2, y + high / 2 + 1, cut(name, step - 16), 11, INK, "middle"))
    parts.append(text(left + width - 14, top + 20, f"states: {MISSING}", 11, FAINT, "end"))
    return parts


def log(widget, recorded, left, top, width, height):
    fields = re.search(r"fields ([^|]+)", widget["query"])[1].strip().split(", ")
    places = [left + 14 + (width - 28) * share for share in (0, 0.13, 0.2, 0.51, 0.65)]
    ends = places[1:] + [left + width - 10]
    parts = [text(x, top + 42, field, 11, FAINT) for x, field in zip(places, fields)]
    for place, row in enumerate(recorded["problems"]):
        y = top + 60 + 17 * place
        if y > top + height - 8:
            break
        cells = [row[0][11:19], *(cell or "" for cell in row[1:])]
        parts += [text(x, y, cut(cell, end - x - 6, 10), 10) for x, end, cell in zip(places, ends, cells)]
    return parts


DRAW = {"alarm": alarms, "log": log, "metric": metric}


def main():
    folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    data = json.loads((folder / "dashboard.json").read_text())
    recorded, parts, row, column = data["recorded"], [], TOP, 0
    for widget in data["body"]["widgets"]:
        left, width, height = MARGIN + column * COLUMN, widget["width"] * COLUMN - 8, widget["height"] * UNIT - 8
        parts.append(f'<rect x="{left}" y="{row}" width="{width}" height="{height}" rx="4" fill="#ffffff" stroke="#d0d7de"/>')
        parts.append(text(left + 14, row + 20, widget["properties"]["title"], 13, INK, extra='font-weight="600"'))
        parts += DRAW[widget["type"]](widget["properties"], recorded, left, row, width, height)
        column += widget["width"]
        if column == 24:
            row, column = row + widget["height"] * UNIT, 0
    length = round(recorded["seconds"][-1] + recorded["step_s"])
    caption = [
        f"Drawn from its definition in template.yaml with figures recorded in the laboratory: {recorded['lines']:,} lines of the real receiver, counted by the stack's own metric filters,",
        f"over an emulated queue and table, in {length} s in which one fault followed another. A point is {recorded['step_s']:g} s here, and 5 minutes or an hour in CloudWatch. There was no gateway:",
        "5xx are the receiver's answers. The times are those of a debug build beside other work, not of AWS.",
    ]
    head = [text(MARGIN + 2, 28, "The dashboard of the stack", 18, extra='font-weight="600"')]
    head += [text(MARGIN + 2, 48 + 16 * place, line, 12, FAINT) for place, line in enumerate(caption)]
    width, height = 24 * COLUMN + 2 * MARGIN - 8, row + 4
    (folder / "dashboard.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">\n'
        f'<rect width="{width}" height="{height}" fill="#f6f8fa"/>\n' + "\n".join(head + parts) + "\n</svg>\n"
    )


if __name__ == "__main__":
    main()

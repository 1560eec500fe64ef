#!/usr/bin/env python3
"""Puts what `benches/compare` measured into the page: docs/performance.json and docs/endpoint.json ->
docs/performance.md, docs/performance.svg.

    python3 benches/compare_plot.py [docs]

Reads the prices of docs/cost.json and the access log's format in template.yaml, too.
"""

import json
import math
import pathlib
import re
import sys

from load_plot import Panel

ROOT = pathlib.Path(__file__).resolve().parent.parent
LABELS = {
    "floor": "floor: answers 202 without looking",
    "receiver": "**the receiver**",
    "python": "Python, boto3",
    "powertools": "Python, Powertools' idempotency",
    "node20": "Node.js 20, SDK v3, bundled",
    "node24": "Node.js 24, SDK v3, bundled",
}
SHORT = {"receiver": "receiver", "python": "Python", "powertools": "Powertools", "node20": "Node.js 20", "node24": "Node.js 24"}
COLORS = {"receiver": "#1d4ed8", "python": "#d9a406", "powertools": "#b45309", "node20": "#4d9a6a", "node24": "#2f6f4a"}
SIZES = ["128", "256", "512"]
MB_OF_ONE_CPU = 1769
NO_SHARE = "The machine has no cgroup that the benchmark may use, so the figures with Lambda's CPU share are missing."

# Values of the access log's fields, as long as in reality.
ACCESS = {
    "requestId": "JKJaXmPLvHcESHA=",
    "integration.requestId": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
    "identity.sourceIp": "203.0.113.7",
    "routeKey": "POST /webhooks/{source}",
    "status": "202",
    "integrationStatus": "200",
    "integrationLatency": "15",
    "integrationErrorMessage": "-",
}


class Results:
    """What was measured, with its prices."""

    def __init__(self, folder):
        self.json = json.loads((folder / "performance.json").read_text())
        self.cost = json.loads((folder / "cost.json").read_text())
        self.code = json.loads((folder / "endpoint.json").read_text())
        self.template = (ROOT / "template.yaml").read_text()
        self.subjects = {subject["name"]: subject for subject in self.json["subjects"]}
        self.peers = [name for name in self.subjects if name != "floor"]
        # In the order of the labels.
        for growth in (self.json["growth"]["bodies"], self.json["growth"]["environments"]):
            for name in [name for name in SHORT if name in growth]:
                growth[name] = growth.pop(name)
        self.has_share = self.json["machine"]["cgroup"] is not None

    def full(self, name, transport, figure):
        return self.subjects[name]["full"][transport][figure]["median"]

    def share(self, name, size, transport, figure):
        return self.subjects[name]["shares"][size][transport][figure]["median"]

    def old(self, name, figure):
        return self.subjects[name]["old"][figure]


def table(head, rows):
    lines = [f"| {' | '.join(head)} |", "|---" + "|--:" * (len(head) - 1) + "|"]
    return "\n".join(lines + [f"| {' | '.join(row)} |" for row in rows])


def number(value):
    """Three significant digits at most."""
    if value is None:
        return "–"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}"


def machine(results):
    about, versions = results.json["machine"], results.json["versions"]
    cgroup = f"cgroup v{about['cgroup']}" if results.has_share else "no usable cgroup"
    return (
        f"Machine: {about['cores']} cores of {about['processor'] or about['architecture']}, Linux {about['kernel']}, {cgroup}. "
        f"Medians of {results.json['rounds']} cold starts, interleaved; the run took {results.json['seconds']} s. "
        f"Python {versions['python']}, Node.js {' and '.join(versions['node'])}; "
        f"{', '.join(f'`{package}`' for package in versions['packages'])}. "
        f"Python and Node.js read a bundle of {results.json['certificates']} certificates."
    )


def compared(results):
    head = ["", "init", "spawn to accepted", "the same over TLS", "connections", "warm", "CPU, young", "CPU, old", "CPU, forged", "peak MiB, young", "peak MiB, old", "zip MB"]
    rows = []
    for name, subject in results.subjects.items():
        full = subject["full"]["http"]
        full_zip = subject["full_zip_bytes"]
        zips = number(subject["zip_bytes"] / 1e6) + (f" ({number(full_zip / 1e6)} with boto3)" if full_zip else "")
        rows.append([
            LABELS[name],
            number(full["init_ms"]["median"]),
            number(full["accepted_ms"]["median"]),
            number(results.full(name, "tls", "accepted_ms")) if name != "floor" else "–",
            f"{results.full(name, 'tls', 'connections'):.0f}",
            number(full["warm_ms"]["median"]),
            number(full["cpu_ms"]["median"]),
            number(subject["old"]["cpu_ms"]),
            number(full["forged_cpu_ms"]["median"]) if name != "floor" else "–",
            number(full["peak_mib"]["median"]),
            number(subject["old"]["peak_mib"]),
            zips,
        ])
    return table(head, rows)


def shares(results):
    if not results.has_share:
        return NO_SHARE
    head = ["ms", *(f"{size} MB: HTTP | TLS | TLS, with init | CPU of it, TLS" for size in SIZES)]
    head = [cell for part in head for cell in part.split(" | ")]
    rows = []
    for name in results.peers:
        row = [LABELS[name]]
        for size in SIZES:
            row += [
                number(results.share(name, size, "http", "first_ms")),
                number(results.share(name, size, "tls", "first_ms")),
                number(results.share(name, size, "tls", "init_and_first_ms")),
                number(results.share(name, size, "tls", "first_cpu_ms")),
            ]
        rows.append(row)
    ratios = [results.share("receiver", size, "tls", "first_ms") / results.share("receiver", size, "http", "first_ms") for size in SIZES]
    text = ", ".join(f"{number(ratio)} at {size} MB" for size, ratio in zip(SIZES, ratios))
    return f"{table(head, rows)}\n\nThe receiver's first delivery over TLS : over HTTP: {text}."


def goals(results):
    """Each goal as a figure, its bound, and the direction."""
    full, old = results.full, results.old
    ratio = lambda name, figure: full(name, "http", figure) / full("receiver", "http", figure)
    aged = lambda name: old(name, "cpu_ms") / old("receiver", "cpu_ms")
    rows = []
    if results.has_share:
        first = lambda name, figure: results.share(name, "128", "tls", figure)
        plain = results.share("receiver", "128", "http", "first_ms")
        rows += [
            ("first delivery over TLS : over HTTP, 128 MB's share", first("receiver", "first_ms") / plain, "≤", 1.5),
            ("init and first delivery over TLS, 128 MB's share, ms", first("receiver", "init_and_first_ms"), "≤", 10),
            *(
                (f"the same, {SHORT[name]} : receiver", first(name, "init_and_first_ms") / first("receiver", "init_and_first_ms"), "≥", 90)
                for name in ("python", "node20")
            ),
        ]
    rows += [
        ("init, receiver : floor", full("receiver", "http", "init_ms") / full("floor", "http", "init_ms"), "≤", 1.3),
        ("spawn to accepted, Python : receiver", ratio("python", "accepted_ms"), "≥", 60),
        ("spawn to accepted, Node.js 20 : receiver", ratio("node20", "accepted_ms"), "≥", 25),
        ("CPU of a delivery, Python : receiver", ratio("python", "cpu_ms"), "≥", 8),
        ("CPU of a delivery, Node.js 20 : receiver, young", ratio("node20", "cpu_ms"), "≥", 14),
        ("CPU of a delivery, Node.js 20 : receiver, after 4,000", aged("node20"), "≥", 6),
        *(
            (f"the function's code : SHA-256 and parse of the body, {row['bytes'] >> 10} KiB", row["us"] / row["parsed_us"], "≤", 2)
            for row in results.code
            if row["bytes"] in (1 << 10, 256 << 10)
        ),
        ("CPU, forged : accepted", full("receiver", "http", "forged_cpu_ms") / full("receiver", "http", "cpu_ms"), "≤", 0.25),
        (f"peak MiB after {results.json['deliveries']:,} deliveries", old("receiver", "peak_mib"), "≤", 10),
        ("zip, MB", results.subjects["receiver"]["zip_bytes"] / 1e6, "≤", 3),
        ("log bytes of an accepted delivery", sum(log_bytes(results, "WARN").values()), "≤", 800),
        ("calls to Secrets Manager in a cold start, the secret being a list", results.json["secrets"]["list"], "≤", 1),
    ]
    reached = lambda value, sign, bound: value <= bound if sign == "≤" else value >= bound
    return table(
        ["", "measured", "goal", "reached"],
        [[what, number(value), f"{sign} {bound}", "yes" if reached(value, sign, bound) else "no"] for what, value, sign, bound in rows],
    )


def bodies(results):
    growth = results.json["growth"]["bodies"]
    head = ["body", *(f"{SHORT[name]}: {what}" for name in growth for what in ("ms", "CPU ms", "peak MiB"))]
    rows = []
    for step, row in enumerate(growth["receiver"]):
        cells = [number(growth[name][step][figure]) for name in growth for figure in ("warm_ms", "cpu_ms", "peak_mib")]
        rows.append([f"{row['kib']:,} KiB", *cells])
    return table(head, rows)


def code(results):
    head = ["body", "the function's code, µs", "SHA-256 and parse, µs", "ratio", "SHA-256 and check, µs", "ratio"]
    rows = [
        [
            f"{row['bytes'] >> 10:,} KiB",
            number(row["us"]),
            number(row["parsed_us"]),
            number(row["us"] / row["parsed_us"]),
            number(row["checked_us"]),
            number(row["us"] / row["checked_us"]),
        ]
        for row in results.code
    ]
    return table(head, rows)


def environments(results):
    growth = results.json["growth"]["environments"]
    head = ["environments", *(f"{SHORT[name]}: {what}" for name in growth for what in ("median ms", "last ms", "CPU ms each", "MiB of all"))]
    rows = []
    for step, row in enumerate(growth["receiver"]):
        cells = [number(growth[name][step][figure]) for name in growth for figure in ("median_ms", "last_ms", "cpu_ms", "peak_mib")]
        rows.append([str(row["environments"]), *cells])
    return table(head, rows)


def sources(results):
    growth = results.json["growth"]
    head = ["", "init ms", "spawn to accepted ms", "CPU of a delivery ms", "peak MiB", "calls to Secrets Manager"]
    rows = []
    for noun, plural in (("source", "sources"), ("secret", "secrets")):
        for row in growth[plural]:
            count = row[plural]
            cells = [number(row[figure]["median"]) for figure in ("init_ms", "accepted_ms", "cpu_ms", "peak_mib")]
            rows.append([f"{count} {noun if count == 1 else plural}", *cells, f"{row['secret_calls']['median']:.0f}"])
    calls = results.json["secrets"]
    text = (
        f"Calls to Secrets Manager in a cold start with one stored secret: {calls['list']} if its current version is a list, "
        f"{calls['text']} if it is a plain text."
    )
    return f"{table(head, rows)}\n\n{text}"


def access_bytes(results):
    """The length of a line of the access log, with the format of the template."""
    text = re.search(r"Format: >-\n((?: {10}.*\n)+)", results.template).group(1)
    text = " ".join(line.strip() for line in text.splitlines())
    return len(re.sub(r"\$context\.([a-zA-Z.]+)", lambda field: ACCESS[field.group(1)], text))


def log_bytes(results, level, name="receiver"):
    """Bytes that an accepted delivery adds to the logs, by line, at a level of the platform's own lines."""
    assumed = results.cost["assumptions"]
    lines = {"access log": access_bytes(results)}
    own = results.full(name, "http", "log_bytes")
    if own:
        lines = {"function's line": own} | lines
    if level == "INFO":
        lines |= {"platform.start": assumed["platform_start_bytes"], "platform.report": assumed["platform_report_bytes"]}
    # The newline that the function writes is not part of the event.
    overhead = lambda line: assumed["log_overhead_bytes"] - (line == "function's line")
    return {line: size + overhead(line) for line, size in lines.items()}


def logs(results):
    rows = []
    warn, info = log_bytes(results, "WARN"), log_bytes(results, "INFO")
    for line in info:
        rows.append([line, number(info[line]), number(warn[line]) if line in warn else "–"])
    rows.append(["**total**", f"**{sum(info.values()):,.0f}**", f"**{sum(warn.values()):,.0f}**"])
    return table(["bytes, each with CloudWatch's 26", "`SystemLogLevel: INFO`", "`SystemLogLevel: WARN`"], rows)


def usd(results, price, count=1.0):
    """The price of `count` units; prices for a million are for a million deliveries."""
    return results.cost["prices"][price]["usd"] * count


def billed_ms(results, name, memory):
    """Duration of a warm delivery: the calls' and the CPU's at the memory's share. Lambda bills whole milliseconds."""
    assumed = results.cost["assumptions"]
    return math.ceil(assumed["calls"] * assumed["call_ms"] + results.full(name, "http", "cpu_ms") / (memory / MB_OF_ONE_CPU))


def compute_usd(results, milliseconds, memory):
    """A million times so long."""
    return usd(results, "lambda_gb_second", 1e6 * milliseconds / 1000 * memory / 1024)


def cold_usd(results, name, memory):
    """What the cold starts among a million deliveries add: init, the slower first delivery, and the secret."""
    extra = results.full(name, "tls", "init_ms")
    if results.has_share:
        extra += results.share(name, str(memory), "tls", "first_ms")
    cold = results.cost["assumptions"]["cold_starts_per_million"] / 1e6
    calls = results.json["secrets"]["list"] if name == "receiver" else 1
    return cold * (compute_usd(results, extra, memory) + usd(results, "secret_calls", calls))


def accepted_usd(results, name, memory=256):
    """The rows of the cost of a million accepted deliveries."""
    level = "WARN" if name == "receiver" else "INFO"
    return {
        "HTTP API": usd(results, "http_api"),
        "DynamoDB: consistent read": usd(results, "read_unit") if name != "powertools" else 0,
        "DynamoDB: write": usd(results, "write_unit", 2 if name == "powertools" else 1),
        "SQS FIFO: send": usd(results, "sqs_fifo"),
        "Lambda: requests": usd(results, "lambda_request"),
        "Lambda: compute": compute_usd(results, billed_ms(results, name, memory), memory),
        "cold starts": cold_usd(results, name, memory),
        "logs": usd(results, "logs_gb", sum(log_bytes(results, level, name).values()) * 1e6 / 1e9),
    }


def cost(results):
    columns = [accepted_usd(results, name) for name in results.peers]
    columns = [{row: round(value, 3) for row, value in column.items()} for column in columns]
    rows = [[row, *(f"{column[row]:.3f}" for column in columns)] for row in columns[0]]
    rows.append(["**total**", *(f"**{sum(column.values()):.3f}**" for column in columns)])
    return table(["$ for a million accepted deliveries", *(SHORT[name] for name in results.peers)], rows)


def knobs(results):
    gb = lambda size: usd(results, "logs_gb", size * 1e6 / 1e9)
    warn, info = log_bytes(results, "WARN"), log_bytes(results, "INFO")
    ours = accepted_usd(results, "receiver")
    smaller = accepted_usd(results, "receiver", 128)
    compute = lambda rows: rows["Lambda: compute"] + rows["cold starts"]
    rows = [
        ("`SystemLogLevel: WARN`, the default here", gb(sum(info.values()) - sum(warn.values())), "the platform's lines of invocations that succeed"),
        ("a function URL instead of the HTTP API", usd(results, "http_api"), "rate limit and access log"),
        ("no access log", gb(warn["access log"]), "the trace of what was answered 429 or 5xx before the function"),
        ("`MemorySize` 128", compute(ours) - compute(smaller), "half of the CPU"),
        ("an eventually consistent read", usd(results, "read_unit", 0.5), "promise 3: a record may be missed"),
        ("no ledger", ours["DynamoDB: consistent read"] + ours["DynamoDB: write"], "promise 3 beyond 5 minutes"),
    ]
    return table(["change", "saves $ per million", "costs"], [[what, f"{value:.3f}", loss] for what, value, loss in rows])


def memory(results):
    rows = []
    for size in (128, 256, 512):
        first = number(results.share("receiver", str(size), "tls", "first_ms")) if results.has_share else "–"
        warm = billed_ms(results, "receiver", size)
        large = results.json["growth"]["bodies"]["receiver"][-1]["cpu_ms"] / (size / MB_OF_ONE_CPU)
        rows.append([f"{size} MB", first, str(warm), number(large), f"{compute_usd(results, warm, size):.3f}"])
    return table(["", "first delivery over TLS, ms", "warm, billed ms", "CPU time of a body of 1 MiB, ms", "compute, $ per million"], rows)


def fixed(results):
    resources = re.split(r"\n(?=  \w+:\n    Type: )", results.template)
    # What the default parameters leave out.
    left_out = ("Condition: FansOut", "Condition: HasReconciler", "Condition: HasSilenceAlarm")
    alarms = [it for it in resources if "Type: AWS::CloudWatch::Alarm" in it and not any(word in it for word in left_out)]
    read = sum(alarm.count("MetricName: ") for alarm in alarms)
    # The metrics that a delivery that is accepted has a value of, in an environment that was there before.
    counted = ["Accepted", "Deliveries", "LedgerMs", "QueueMs"]
    assert all(f"\n  {metric}:\n    Type: AWS::Logs::MetricFilter" in results.template for metric in counted)
    rows = [
        ("the webhook's secret", usd(results, "secret_month")),
        (f"{len(alarms)} alarms with {read} metrics, with the default parameters", usd(results, "alarm_month", read)),
        (f"the {len(counted)} metrics of one source, if it has accepted deliveries in every hour", usd(results, "metric_month", len(counted))),
    ]
    total = sum(round(value, 2) for _, value in rows)
    return table(["$ a month", ""], [[what, f"{value:.2f}"] for what, value in rows] + [["**total**", f"**{total:.2f}**"]])


def hosted(results):
    ours = sum(round(value, 3) for value in accepted_usd(results, "receiver").values())
    rows = [["the receiver, without its fixed cost", "–", f"{ours:.2f}", "AWS's bill", "[Cost](#cost)"]]
    for offer in results.cost["hosted"]:
        million = f"{offer['million']}" if offer["million"] else "not stated"
        rows.append([offer["name"], str(offer["usd_per_month"]), million, offer["note"], f"[{offer['date']}]({offer['source']})"])
    return table(["", "$ a month", "with a million events", "terms", "source"], rows)


def prices(results):
    rows = []
    for price in results.cost["prices"].values():
        source = f"[{price['date']}]({price['source']})" if price["source"] else "not verified"
        rows.append([f"${price['usd']:.10f}".rstrip("0").rstrip("."), price["per"], source])
    cost = results.cost
    return f"Region {cost['region']}, {cost['architecture']}, without free tiers, read in {cost['read']}:\n\n{table(['price', 'for', 'source'], rows)}"


FIGURES = [machine, compared, shares, goals, code, bodies, environments, sources, logs, cost, knobs, memory, fixed, hosted, prices]


def bars(left, top, title, under, rows):
    """Horizontal bars; a row is a label, a value and a color."""
    panel = Panel(left + 90, top, 250, 28 * len(rows), (0, max(value for _, value, _ in rows) * 1.25), (0, 1))
    panel.text(left, top - 34, title, 14, weight="600")
    panel.text(left, top - 16, under, 12, "#6e7781")
    for place, (label, value, color) in enumerate(rows):
        y = top + place * 28
        width = max(panel.x(value) - panel.left, 1)
        panel.parts.append(f'<rect x="{panel.left}" y="{y}" width="{width:.1f}" height="20" fill="{color}"/>')
        panel.text(panel.left - 8, y + 14, label, 12, anchor="end")
        panel.text(panel.left + width + 6, y + 14, number(value), 12)
    return panel


def by_body(results, left, top):
    growth = results.json["growth"]["bodies"]
    values = [row["cpu_ms"] for rows in growth.values() for row in rows]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    sizes = [row["kib"] for row in growth["receiver"]]
    panel = Panel(left + 40, top, 300, 168, (0, math.log2(sizes[-1])), (10**low, 10**high), log=True)
    panel.title("CPU of a delivery, by size of the body", "in ms, over HTTP")
    marks = [(math.log2(size), f"{size} KiB" if size < 1000 else "1 MiB") for size in sizes if size not in (4, 64)]
    panel.grid(marks, [(10.0**at, f"{10.0**at:g}") for at in range(low, high + 1)])
    ends = []
    for name, rows in growth.items():
        panel.line([(math.log2(row["kib"]), row["cpu_ms"]) for row in rows], COLORS[name])
        ends.append([panel.y(rows[-1]["cpu_ms"]), name])
    ends.sort()
    for before, after in zip(ends, ends[1:]):
        after[0] = max(after[0], before[0] + 16)
    for y, name in ends:
        panel.text(panel.left + panel.width + 8, y + 4, SHORT[name], 12, COLORS[name], weight="600")
    return panel


def plot(results):
    each = lambda figure: [(SHORT[name], figure(name), COLORS[name]) for name in results.peers]
    if results.has_share:
        first = bars(30, 70, "Cold: init and first delivery over TLS", "in ms, with the CPU share of 128 MB after init", each(lambda name: results.share(name, "128", "tls", "init_and_first_ms")))
    else:
        first = bars(30, 70, "Cold: from the start of the process to accepted", "in ms, over TLS, a whole core", each(lambda name: results.full(name, "tls", "accepted_ms")))
    panels = [
        first,
        bars(460, 70, "CPU of a delivery, after 4,000", "in ms, over HTTP", each(lambda name: results.old(name, "cpu_ms") or 0)),
        bars(30, 300, f"Peak memory after {results.json['deliveries']:,} deliveries", "resident, in MiB", each(lambda name: results.old(name, "peak_mib"))),
        by_body(results, 460, 300),
    ]
    parts = "\n".join(part for panel in panels for part in panel.parts)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 920 520" width="920" height="520" '
        'font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif">\n'
        f'<rect width="920" height="520" fill="#ffffff"/>\n{parts}\n</svg>\n'
    )


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs"
    results = Results(folder)
    (folder / "performance.svg").write_text(plot(results))
    text = (folder / "performance.md").read_text()
    for figures in FIGURES:
        start = f"<!-- figures: {figures.__name__} -->"
        before, found, after = text.partition(start)
        assert found, f"the page has no {start}"
        _, _, after = after.partition("<!-- end -->")
        text = f"{before}{start}\n{figures(results)}\n<!-- end -->{after}"
    (folder / "performance.md").write_text(text)


if __name__ == "__main__":
    main()

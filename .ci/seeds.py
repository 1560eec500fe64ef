"""Writes the seeds of the fuzzers: the samples of `events/`, and their bodies with every kind of signature."""

import hashlib
import pathlib
import sys

SOURCES = 9  # as in fuzz/src/signer.rs
GATEWAYS = 5  # as in fuzz/src/gateway.rs

folder = pathlib.Path(sys.argv[1])
bodies = [path.read_bytes() for path in sorted(pathlib.Path("events/bodies").glob("*.json"))]
bodies += [
    b'{"type":"t","id":"\x00"}',
    b'{"type":"t","id":"1","live_mode":false,"data":"\xff"}',
    b'{"type":"t","id":"1","idempotency_key":"\xef\xbf\xbf","data":"\\ud800"}',
    b'{"type":"t","type":"u","id":1e999}',
    b'{"data":{"id":"x","0":{"kind":"y"}},"type":"ping.triggered","id":"' + b"k" * 130 + b'"}',
    b"[" * 200 + b"]" * 200,
    b"payload=text",
    b'{"type":"t","idempotency_key":"k"}',
]
# Right, wrong, cut short, doubled, and on either side of each limit; see `expand` in fuzz/targets/header.rs.
headers = [
    "t=\3,v1=\1",
    "t=\3,v2=\1",
    "t=\3,v1=\x0b",
    "v1,\x0b v1a,\x0b",
    "sha256=\x0b",
    "v2=\2, v1 = \1 ,v3=\1,t=\3",
    "t=\4,v1=\1",
    "t=\5,v1=\1",
    "t=\6,v1=\1",
    "t=\7,v1=\1",
    "t=\3,t=\3,v1=\1",
    "v1=\1",
    "t=12345678901234,v1=\1",
    "t=\3,v1=\1\x0e\x0e\x0e\x0e\x0e",
    "t=\3,v1=\1\x0f",
    "t=\3,v1=\1\x10",
    "v1,\1 v1a,\1 v2,x",
    "v1,\2 v1,\1",
    "v1a,\2 v1a,\2 v1a,\2 v1a,\2 v1a,\1",
    "sha256=\1",
    " \1 ",
    "sha256=\2",
    "\1=",
    "-",
]
times = ["\3", "\4", "\5", "\6", "\7", "-", "+1"]
ids = ["\10", "\10.1", "", "-"]


def write(target, seeds):
    (folder / target).mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds):
        (folder / target / f"{number:03}").write_bytes(seed)


samples = [path.read_bytes() for path in sorted(pathlib.Path("events").glob("*.json"))]
signed = [
    bytes([source, gateway, flags, 0, 0, 0, 0]) + bodies[(source + gateway) % len(bodies)]
    for source in range(SOURCES)
    for gateway in range(GATEWAYS)
    for flags in (0, 4, 8)
]
edited = [
    bytes([source, gateway, flags, age, 0, place, len(edit)]) + edit + bodies[0]
    for source, age in ((0, 1), (0, 4), (1, 2), (2, 5), (7, 6), (8, 2))
    for gateway in range(GATEWAYS)
    for flags, place, edit in ((0, 0, b"v1=00,"), (0, 40, b","), (1, 40, b"null"), (3, 90, b":[["))
]
spoiled = [
    bytes([0, gateway, 3, 0, 0, place, len(edit)]) + edit + bodies[1]
    for gateway in (0, 1, 3)
    for place in range(200)
    for edit in (b"x", b"true ")
]
write("endpoint", samples + signed + edited + spoiled)
write(
    "header",
    [
        bytes([source]) + "\n".join([header, time, id, "{}"]).encode()
        for source in range(2 * SOURCES)
        for header in headers
        for time, id in ((time, id) for time in times for id in ids if time == times[0] or id == ids[0])
    ],
)
write(
    "message",
    [bytes([source, 0, 4]) + b"push" + body for source in range(SOURCES) for body in bodies]
    + [bytes([source, size, 0]) + bodies[0] for source in (0, 4) for size in range(1, 6)],
)
# Choices, of which a description and a delivery are made; the same sequences in each run.
write("description", [hashlib.shake_128(bytes([number])).digest(120) for number in range(200)])

"""A child that was taken over, or never closed itself: it says what it likes."""

from __future__ import annotations

import sys
import time

from expunge.adapters.closed import closing, wire


def main() -> None:
    lie, *more = sys.argv[1:]
    if lie == "open":
        raise SystemExit(1)
    closing.ready()
    sys.stdin.buffer.read(wire.REQUEST.unpack(sys.stdin.buffer.read(wire.REQUEST.size))[0])
    answers = {
        "a range behind the end": wire.ANSWER.pack(wire.READ, 900, 1001),
        "a range that is too long": wire.ANSWER.pack(wire.READ, 0, 1 << 40),
        "a range that is none": wire.ANSWER.pack(wire.READ, 7, 7),
        "another kind": wire.ANSWER.pack(9, 0, 1),
        "an endless body": wire.ANSWER.pack(wire.DONE, 2, 1 << 62) + b"{}",
        "no JSON": wire.ANSWER.pack(wire.DONE, 2, 0) + b"\xff{",
        "a list": wire.ANSWER.pack(wire.DONE, 2, 0) + b"[]",
        "fields": b"".join([wire.ANSWER.pack(wire.DONE, len(each.encode()), 0) + each.encode() for each in more]),
        "silence": b"",
    }
    sys.stdout.buffer.write(answers.get(lie, b""))
    sys.stdout.buffer.flush()
    if lie != "an end":
        time.sleep(60)


if __name__ == "__main__":
    main()

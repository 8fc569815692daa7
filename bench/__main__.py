"""Runs the measurements, each module in a process of its own, and writes one JSON file and one Markdown table.

A module that fails does not take the others' numbers with it: it is listed under ``failed`` and the exit status is 1. Missing a target
is a result, not a failure.
"""

from __future__ import annotations

import argparse
import importlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.machine import machine, versions
from bench.result import Result

FOLDER = Path(__file__).resolve().parent
NOT_MEASUREMENTS = frozenset({"__init__", "__main__", "machine", "result"})
TIME_LIMIT_S = 40 * 60


def measurements() -> list[str]:
    """Names of the modules that offer ``run``: every file here without a leading underscore but for this frame."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in NOT_MEASUREMENTS and not path.stem.startswith("_"))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("bench-out/bench.json"), help="the JSON file; the table goes beside it as .md")
    parser.add_argument("--only", action="append", metavar="NAME", help="run this module alone (can be given again)")
    parser.add_argument("--child", metavar="NAME", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        return _child(options.child, options.out)
    names = options.only or measurements()
    unknown = sorted(set(names) - set(measurements()))
    if unknown:
        parser.error(f"no such measurement: {', '.join(unknown)} (there are {', '.join(measurements())})")
    results, failed = _run_all(names)
    _write(options.out, results, failed)
    return 1 if failed else 0


def _child(name: str, out: Path) -> int:
    module = importlib.import_module(f"bench.{name}")
    out.write_text(json.dumps([result.as_json() for result in module.run()]), encoding="utf-8")
    return 0


def _run_all(names: Sequence[str]) -> tuple[list[Result], list[dict[str, Any]]]:
    results: list[Result] = []
    failed: list[dict[str, Any]] = []
    until = time.monotonic() + TIME_LIMIT_S
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            out = Path(folder) / f"{name}.json"
            start = time.monotonic()
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            command = [sys.executable, "-m", "bench", "--child", name, "--out", str(out)]
            try:
                done = subprocess.run(command, cwd=FOLDER.parent, timeout=max(1.0, until - start), stdout=2, check=False)
                reason = f"exit status {done.returncode}" if done.returncode else ""
            except subprocess.TimeoutExpired:
                reason = "not finished when the time was over"
            if reason:
                failed.append({"name": name, "reason": reason})
            else:
                results.extend(Result.from_json(row) for row in json.loads(out.read_text(encoding="utf-8")))
            print(f"  {name}: {time.monotonic() - start:.1f} s {reason}", file=sys.stderr, flush=True)
    return results, failed


def _write(out: Path, results: Sequence[Result], failed: Sequence[dict[str, Any]]) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    document = {"machine": machine(), "versions": versions(), "results": [result.as_json() for result in results], "failed": failed}
    out.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    table = markdown(document, results)
    out.with_suffix(".md").write_text(table, encoding="utf-8")
    print(table)


def markdown(document: dict[str, Any], results: Sequence[Result]) -> str:
    """The same numbers for people."""
    about = document["machine"]
    lines = [
        f"{about['processor']}, {about['cores']} cores, {about['memory_mib']} MiB, {about['distribution']}, {about['system']}  ",
        ", ".join(f"{name} {number}" for name, number in document["versions"].items()),
        "",
        "| what | ours | beside it | ratio | target | met |",
        "| --- | ---: | ---: | ---: | ---: | --- |",
    ]
    lines += [_row(result) for result in results]
    lines += [f"| {each['name']} | not measured: {each['reason']} | | | | |" for each in document["failed"]]
    notes = [f"- {result.name}: {result.note}" for result in results if result.note]
    return "\n".join([*lines, *(["", *notes] if notes else []), ""])


def _row(result: Result) -> str:
    other = f"{_short(result.other)} {result.unit} ({result.other_name})" if result.other is not None else ""
    ratio = f"{result.ratio:.2f}" if result.ratio is not None else ""
    sign = ">=" if result.better == "higher" else "<="
    unit = f" {result.unit}" if result.of == "ours" else "x"
    target = f"{sign} {_short(result.target)}{unit}" if result.target is not None else ""
    met = {True: "yes", False: "**no**", None: ""}[result.met]
    return f"| {result.name} | {_short(result.ours)} {result.unit} | {other} | {ratio} | {target} | {met} |"


def _short(value: float) -> str:
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())

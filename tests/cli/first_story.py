"""From ``init`` to the receipt on a company that Expunge has never seen: nothing is told to it but the answers of one person."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

from expunge.cli.terminal import output
from tests.cli.running import Ran, expunge, invoke

SAID = {"purpose": "run the shop", "need": "the contract with the customer"}
MOST = 10


@dataclass(frozen=True)
class Told:
    """What a story came to."""

    answers: int
    """Entries of the map that a person decided."""
    check: str
    applied: str


def reviewed(folder: Path, typed: list[str], env: Mapping[str, str] | None = None) -> Ran:
    """Run ``map review`` with one answer a line."""
    output.stdout.cache_clear()
    output.stderr.cache_clear()
    lines = "".join(f"{each}\n" for each in typed)
    with chdir(folder):
        done = invoke("map", "review", typed=lines, env=dict(env or {}))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Ran(done.exit_code, done.stdout, done.stderr)


def tell(
    folder: Path,
    targets: tuple[str, ...],
    name: str,
    secrets: tuple[str, ...],
    answers: Mapping[str, str],
    env: Mapping[str, str] | None = None,
) -> Told:
    """Tell the story of one order.

    Args:
        folder: where the map will lie.
        targets: what ``init`` is asked for.
        name: who asks to be forgotten.
        secrets: words of people that must not reach the map.
        answers: question -> answer; all else is confirmed as proposed.
        env: the environment.
    """
    environ = dict(env or {})
    assert expunge("init", *targets, cwd=folder, env=environ).code == 0
    map_file = folder / "expunge.yaml"
    assert not [word for word in secrets if word in map_file.read_text()]
    assert expunge("init", cwd=folder, env=environ).code == 0
    order = expunge("order", "erase", name, "--yes", "--json", cwd=folder, env=environ).json["order"]
    refused = expunge("plan", order, cwd=folder, env=environ)
    assert (refused.code, "no order is planned under a guess" in refused.err) == (1, True)
    asked = expunge("map", "review", "--json", cwd=folder, env=environ).json["open"]
    typed = [answers.get(f"{each['section']}.{each['name']}") or SAID.get(each["key"]) or "y" for each in asked]
    decided = reviewed(folder, typed, environ)
    assert decided.code == 0, decided.out + decided.err
    checked = expunge("check", cwd=folder, env=environ)
    assert checked.code == 0, checked.out
    assert expunge("plan", order, cwd=folder, env=environ).code == 0
    applied = expunge("apply", order, "--yes", cwd=folder, env=environ)
    number = len({(each["section"], each["name"]) for each in asked})
    assert number <= MOST
    return Told(number, checked.out, applied.out + applied.err)

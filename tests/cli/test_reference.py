"""The reference page says what the commands say."""

from __future__ import annotations

import importlib.machinery
import importlib.util
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[2]


def generator() -> ModuleType:
    path = str(ROOT / "scripts" / "cli-reference")
    loader = importlib.machinery.SourceFileLoader("cli_reference", path)
    spec = importlib.util.spec_from_loader("cli_reference", loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_the_reference_is_what_the_commands_say_of_themselves() -> None:
    page = ROOT / "docs" / "reference" / "cli.md"
    assert page.read_text(encoding="utf-8") == generator().reference(), "run .venv/bin/python scripts/cli-reference"


def test_every_command_takes_json() -> None:
    made = generator()
    # What the one tells is a story; what the other writes to stdout are the rows themselves.
    others = {("expunge", "demo"), ("expunge", "gate", "filter")}
    without = []
    for path, command in made.commands(made.get_command(made.whole_application()), ("expunge",)):
        if "--json" not in {name for each in command.params for name in each.opts} and path not in others:
            without.append(" ".join(path))
    assert without == []

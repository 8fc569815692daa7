"""Help and verification need neither the database layer nor numpy, and help is quick."""

from __future__ import annotations

import resource
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from expunge.__main__ import whole_application
from expunge.bootstrap import Expunge
from expunge.bootstrap.parts.services import Services
from tests.cli import world
from tests.cli.receipts import Company
from tests.cli.running import expunge

PROGRAM = """
import sys
from expunge.__main__ import main
sys.argv[1:] = {arguments!r}
try:
    main()
except SystemExit as ended:
    assert ended.code in (0, None), ended.code
heavy = sorted(name for name in sys.modules if name.partition(".")[0] in {{"django", "numpy", "yaml", "soundfile"}})
heavy += sorted(name for name in sys.modules if name.startswith("expunge.") and name.split(".")[1] not in {allowed!r})
sys.exit(f"imported {{heavy}}" if heavy else 0)
"""


def run(arguments: list[str], allowed: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(arguments=arguments, allowed=allowed)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["receipt", "--help"], ["receipt", "verify", "--help"]])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    run(arguments, {"__main__", "cli", "clock", "errors"})


def test_verification_runs_on_the_core_alone(tmp_path: Path) -> None:
    run(["receipt", "verify", str(Company().issue(tmp_path / "receipt"))], {"__main__", "cli", "clock", "errors", "core"})


def processor_seconds(*arguments: str) -> float:
    """What a process of Python takes, however long it has to wait."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], capture_output=True, check=True, timeout=300)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_is_quick() -> None:
    """Under 0.4 s of processor time where the library that prints help takes 0.16 s: by that, since machines differ and share cores."""
    taken = [(processor_seconds("-m", "expunge", "--help"), processor_seconds("-c", "import typer.rich_utils")) for _ in range(7)]
    ours, library = (min(each) for each in zip(*taken, strict=True))
    assert ours < 2.5 * library, taken


def shown(command: Any) -> Any:
    """What a command is for its users: its help, its parameters and its commands."""
    return (
        command.name,
        command.help,
        command.rich_help_panel,
        [(param.name, param.opts, param.secondary_opts, param.required) for param in command.params],
        {name: shown(each) for name, each in getattr(command, "commands", {}).items()},
    )


def test_a_command_that_is_made_alone_is_the_one_of_the_whole_command_line() -> None:
    whole = get_command(whole_application())
    for word, command in whole.commands.items():
        alone = get_command(whole_application(word))
        assert set(alone.commands) == {word, "demo"} or word == "demo"
        assert shown(alone.commands[word]) == shown(command)
    assert shown(get_command(whole_application("no-such-command"))) == shown(whole)


PARTS = {
    "the keeper without a vault": (
        ("expunge.bootstrap.serving.keeper_process", "expunge.bootstrap.serving.kept_senders"),
        ("expunge.bootstrap.installation", "expunge.residue", "expunge.learn", "expunge.web", "numpy"),
    ),
    "what a server needs beside Django": (
        ("expunge.bootstrap.serving.keeper_child", "expunge.bootstrap.serving.served_map", "expunge.bootstrap.serving.server_door"),
        (
            "expunge.bootstrap.installation",
            "expunge.engine",
            "expunge.maps",
            "expunge.residue",
            "expunge.adapters.database",
            "yaml",
            "numpy",
        ),
    ),
    "tokens": (
        ("expunge.bootstrap.pipelines",),
        ("expunge.bootstrap.installation", "expunge.bootstrap.keeping", "expunge.residue", "expunge.learn", "numpy"),
    ),
}
"""Part -> the modules that it begins with, and what none of them imports: a server starts three processes, and each imports its own."""


@pytest.mark.parametrize("part", PARTS)
def test_a_part_imports_what_it_needs(part: str) -> None:
    modules, without = PARTS[part]
    code = f"import sys, {', '.join(modules)}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300, check=True)
    assert [name for name in done.stdout.split() if name.startswith(tuple(f"{each}." for each in without)) or name in without] == []


WITHOUT = (
    "allauth", "boto3", "botocore", "cedarpy", "cv2", "django.contrib", "django.core.management", "django.urls", "duckdb", "gunicorn",
    "lancedb", "mlflow", "ninja", "numpy", "polars", "procrastinate", "psycopg", "pyarrow", "requests", "soundfile", "torch", "urllib3",
    "expunge.adapters.keeper.server", "expunge.adapters.policy", "expunge.demo", "expunge.engine.execution.running",
    "expunge.engine.export.exporting", "expunge.learn", "expunge.residue", "expunge.stores.postgres", "expunge.stores.s3",
    "expunge.testing", "expunge.vault", "expunge.web",
)  # fmt: skip
"""Packages that take long to import, and that no such command has a use for."""
READING = (
    ("status",),
    ("locate", "ruth.thistlewood@example.org"),
    ("due",),
    ("hold", "list"),
    ("order", "show"),
    ("guardian", "list", "p-mia"),
    ("consent", "asked"),
    ("log", "policy"),
    ("ledger", "list"),
    ("requests", "list"),
    ("recipient", "list"),
)
"""Commands that look, and have neither to scan nor to seal."""
LISTED = """
import sys
from expunge.__main__ import main
sys.argv[1:] = {arguments!r}
try:
    main()
except SystemExit as ended:
    assert ended.code in (0, 1, None), ended.code
sys.stderr.write("\\n" + " ".join(sys.modules))
"""


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fresh")
    world.make(folder)
    assert expunge("init", cwd=folder).code == 0
    return folder


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_a_command_that_reads_imports_what_it_reads_with(company: Path, arguments: tuple[str, ...]) -> None:
    """Each import costs every command its time. A module is imported by the command that uses it, and by no other."""
    code = LISTED.format(arguments=list(arguments))
    done = subprocess.run([sys.executable, "-c", code], cwd=company, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    imported = done.stderr.splitlines()[-1].split()
    assert {"expunge.bootstrap.installation", "expunge.core.journal.events", "django.db.models"} <= {*imported}, "it opened the state"
    assert [name for name in imported if name in WITHOUT or name.startswith(tuple(f"{each}." for each in WITHOUT))] == []


def test_every_service_of_an_installation_is_made_once_at_its_first_use(company: Path) -> None:
    names = [name for name, part in vars(Services).items() if isinstance(part, cached_property)]
    assert len(names) > 25
    with Expunge.open(company / "expunge.yaml") as opened:
        assert not vars(opened).keys() & set(names)
        for name in names:
            assert getattr(opened, name) is getattr(opened, name), name
            assert getattr(opened, name).context is opened.context

"""What docs/howto/deploy.md and the container files say: commands are ours, units run, containers have no right too many."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from expunge.__main__ import whole_application
from expunge.maps import examine
from expunge.stores import Kinds
from tests.web.site.kit import free_port

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "howto" / "deploy.md"
COMPOSE = ROOT / "compose.yaml"
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)


def blocks(kind: str) -> list[str]:
    return [body for found, body in BLOCK.findall(PAGE.read_text()) if found == kind]


def services() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE.read_text())["services"]
    return found


def commands() -> Iterator[list[str]]:
    """Every command of ours on the page, in its units and in the containers; words behind ``expunge``."""
    for block in blocks(""):
        for line in block.splitlines():
            if (found := re.search(r"(?:^|ExecStart=/\S*/|&& /\S*/|exec keeper )expunge ([^|\"#]+)", line)) is not None:
                yield shlex.split(found[1])
            elif (found := re.search(r"compose run .* keeper (init)$", line)) is not None:
                yield [found[1]]
    for service in services().values():
        if "command" in service:
            yield service["command"]


def parse(words: list[str]) -> None:
    """Parse a command to its last option, without running it. Raises an exception of the command line's parser."""
    command: Any = typer.main.get_command(whole_application())
    context = command.make_context("expunge", list(words))
    while hasattr(command, "commands"):
        name, command, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        context = command.make_context(name, rest, parent=context)


def test_every_command_is_one_of_ours(tmp_path: Path) -> None:
    (tmp_path / "passphrase").write_text("x\n")
    seen = 0
    for words in commands():
        parse([str(tmp_path / "passphrase") if word == "/run/secrets/passphrase" else word for word in words])
        seen += 1
    assert seen >= 9
    with pytest.raises(Exception, match="No such option"):
        parse(["serve", "--no-such-option"])


def test_the_maps_are_sound(tmp_path: Path) -> None:
    maps = [block for block in blocks("yaml") if "accounts:" in block]
    assert len(maps) == 2
    for text in maps:
        path = tmp_path / "expunge.yaml"
        path.write_text(f"version: 1\nstores: {{}}\ndatasets: {{}}\n{text}")
        assert examine(path, {}, kinds=Kinds()).faults == ()


def test_one_machine_runs_as_the_page_says(tmp_path: Path) -> None:
    """Its map, its commands and the programs of its units, in another folder and on another port; users are this test's own."""
    port = free_port()

    def here(text: str) -> str:
        moved = text.replace("/srv/expunge", str(tmp_path)).replace("/var/log/expunge", str(tmp_path)).replace("8765", str(port))
        moved = moved.replace("--let-serve expunge-web", f"--let-serve {os.geteuid()}")
        return moved.replace("/opt/expunge/bin/expunge", f"{sys.executable} -m expunge")

    (tmp_path / "accounts").mkdir(mode=0o700)
    (tmp_path / "accounts" / "smtp.password").write_text("hunter2\n")
    (tmp_path / "accounts" / "smtp.password").chmod(0o600)
    text = here(next(block for block in blocks("yaml") if "sqlite:" in block)).replace(
        "https://privacy.example.com", f"http://localhost:{port}"
    )
    (tmp_path / "expunge.yaml").write_text(f"version: 1\nstores: {{}}\ndatasets: {{}}\n{text}")
    session = next(block for block in blocks("") if "expunge init" in block)
    path = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(["/bin/sh", "-euc", here(session)], env=path, check=True, capture_output=True, timeout=120)
    programs = [shlex.split(here(line)) for line in re.findall(r"^ExecStart=(.*)$", PAGE.read_text(), re.MULTILINE)]
    assert len(programs) == 3
    processes = []
    try:
        for program in programs:
            process = subprocess.Popen(program, cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True)
            processes.append(process)
            assert process.stdout is not None
            assert process.stdout.readline()
        (asked,) = re.findall(r"^curl -s (\S+)$", here(PAGE.read_text()), re.MULTILINE)
        assert ready(asked) == b'{"status": "ready"'
        issue = next(block for block in blocks("") if "token issue" in block)
        done = subprocess.run(["/bin/sh", "-euc", issue], cwd=tmp_path, env=path, check=True, capture_output=True, text=True, timeout=60)
        request = urllib.request.Request(asked.replace("readyz", "metrics"), headers={"Authorization": f"Bearer {done.stdout.strip()}"})
        with urllib.request.urlopen(request, timeout=20) as answer:
            assert b"expunge_ready" in answer.read()
        bounce = re.search(r'^privacy: "\|(.*)"$', PAGE.read_text(), re.MULTILINE)
        assert bounce is not None
        done = subprocess.run(
            ["/bin/sh", "-c", here(bounce[1])], input="no bounce", capture_output=True, text=True, timeout=60, check=False
        )
        assert (done.returncode, done.stdout) == (0, "no report\n"), done.stderr
        if shutil.which("sqlite3"):
            copy = next(line for line in PAGE.read_text().splitlines() if line.startswith("sqlite3"))
            subprocess.run(["/bin/sh", "-euc", here(copy).replace("/srv/backup", str(tmp_path))], check=True, timeout=60)
            assert (tmp_path / "accounts.db").stat().st_size > 0
        assert (tmp_path / "access.log").read_text().count("\n") >= 2
    finally:
        for process in reversed(processes):
            process.send_signal(signal.SIGTERM)
            process.wait(30)
            assert process.stdout is not None
            process.stdout.close()


def ready(url: str, within: float = 30.0) -> bytes:
    until = time.monotonic() + within
    while True:
        try:
            with urllib.request.urlopen(url, timeout=20) as answer:
                return bytes(answer.read()[:18])
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > until:
                raise
            time.sleep(0.2)


def test_the_dockerfile_passes_hadolint() -> None:
    done = subprocess.run([Path(sys.executable).parent / "hadolint", "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_no_image_is_latest_and_none_runs_as_root() -> None:
    text = (ROOT / "Dockerfile").read_text()
    images = [line.split()[1] for line in text.splitlines() if line.startswith("FROM")]
    images += [service["image"] for service in services().values()]
    assert all(re.search(r":\d[\w.-]*$", image) for image in images), images
    final = re.findall(r"^USER (.*)$", text, re.MULTILINE)[-1]
    for user in (final, *(service["user"] for service in services().values())):
        assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user), user
    ours = {name: service["user"] for name, service in services().items() if "build" in service}
    assert ours["clerk"] == ours["keeper"]
    assert len(set(ours.values())) == len(ours) - 1 == 3
    numbers = dict(re.findall(r"--uid (\d+) --gid \1 .* (expunge[\w-]*)", text))
    assert {user.partition(":")[0] for user in ours.values()} == set(numbers)


def test_containers_have_no_right_that_they_do_not_need() -> None:
    for name, service in services().items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service
        assert all(published.startswith("127.0.0.1:") for published in service.get("ports", ()))
        assert ("ports" in service) == (name == "web")
        assert "build" not in service or service["read_only"] is True


def test_the_web_reaches_neither_state_nor_keys() -> None:
    declared, found = yaml.safe_load(COMPOSE.read_text()), services()
    assert "state" not in found["web"]["networks"]
    assert declared["networks"]["state"]["internal"] is True
    assert declared["networks"]["accounts"]["internal"] is True
    assert {"passphrase", "state_password"}.isdisjoint(str(secret) for secret in found["web"]["secrets"])
    assert found["keeper"]["command"][-2:] == ["--let-serve", found["web"]["user"].partition(":")[0]]
    assert found["keeper"]["command"][-3] == found["worker"]["user"].partition(":")[0]


def test_state_lies_in_volumes_and_secrets_in_files() -> None:
    declared, found = yaml.safe_load(COMPOSE.read_text()), services()
    mounted = {volume.partition(":")[0] for service in found.values() for volume in service["volumes"]}
    assert mounted - {"./expunge.yaml"} == set(declared["volumes"])
    named = {
        secret["source"] if isinstance(secret, dict) else secret for service in found.values() for secret in service.get("secrets", ())
    }
    assert named == set(declared["secrets"])
    page = PAGE.read_text()
    assert all(Path(secret["file"]).name in page for secret in declared["secrets"].values())
    for service in found.values():
        assert all("PASSWORD" not in name or name.endswith("_FILE") for name in service.get("environment", {}))
        assert all(place in found for place in service.get("depends_on", {}))
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert "*" in ignored
    assert not any(line.startswith("!") and re.search("secret|key|yaml", line) for line in ignored)


def test_the_image_is_of_this_version_and_its_extras_exist() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {service["image"] for service in services().values() if "build" in service} == {f"expunge:{project['version']}"}
    (extras,) = re.findall(r"'\.\[([\w,]+)\]'", (ROOT / "Dockerfile").read_text())
    assert set(extras.split(",")) <= set(project["optional-dependencies"])

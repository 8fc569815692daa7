"""Restore a backup from before the orders. Every erased subject is erased in it again before it serves."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

from expunge.bootstrap import Expunge
from expunge.core.values.order import OrderState
from expunge.demo.company.services import Services
from expunge.demo.company.stage import OFFICER, Stage
from expunge.demo.company.survey import survey
from expunge.errors import NeedsApproval


def back_up(services: Services, target: Path) -> None:
    """Make the company's nightly backup. Raises CalledProcessError."""
    target.unlink(missing_ok=True)
    _run(services, "pg_dump", "-Fc", "-f", str(target), services.url)


def put_back(services: Services, source: Path) -> None:
    """Replace the database by its backup. Raises CalledProcessError or ServerFailed."""
    services.postgres.drop(services.database)
    services.postgres.database(services.database)
    _run(services, "pg_restore", "--exit-on-error", "-d", services.url, str(source))


def restored(stage: Stage, backup: Path) -> None:
    """Put the backup back, show that the three are there again, and let Expunge erase them before the store serves."""
    narrator, services = stage.narrator, stage.world.services
    with narrator.chapter("A backup comes back"):
        narrator.say("The database breaks. The backup of the night before the orders is put back:")
        put_back(services, backup)
        back = _there(stage)
        narrator.point(f"all {back} are in the database again" if back == len(stage.erased) else f"{back} are in the database again")
        narrator.say("Before it serves anybody:")
        narrator.command("expunge restored app")
        with Expunge.open(stage.map) as expunge:
            with suppress(NeedsApproval):
                expunge.restored("app")
            again = [run.order for run in expunge.orders() if run.state is OrderState.PLANNED]
            for order in again:
                expunge.approve(order, OFFICER, stage.officer.sign(expunge.approval_message(order)))
            narrator.say(f"{len(again)} orders are opened, one for each who came back; the {OFFICER} signs their plans like any other:")
            runs = expunge.apply_all(again)
            may_serve = expunge.restored("app").may_serve
        after = survey(services, stage.folder / "world")
        staying = stage.world.book.staying(stage.erased)
        states = {run.state for run in runs}
        stage.expect(len(runs) == back == len(stage.erased) and states == {OrderState.FULFILLED}, "all of them are fulfilled")
        stage.expect(may_serve and not _there(stage), "none of the three is in it: expunge restored says that it may serve")
        stage.expect({key: stage.survey[key] for key in staying} == after, "everybody else is as they were")
        backup.unlink()


def _there(stage: Stage) -> int:
    with stage.world.services.connect() as session:
        query = "SELECT count(*) FROM profiles WHERE profile_id = ANY(%s)"
        return int(session.execute(query, (sorted(stage.erased),)).fetchall()[0][0])


def _run(services: Services, program: str, *arguments: str) -> None:
    subprocess.run([str(services.postgres.bin / program), *arguments], check=True, capture_output=True, cwd="/", timeout=120)

"""The walk through the desk over HTTP alone: every step holds in a company as it is, and the walk fails where one does not."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from expunge.core.accounts.staff import JobFunction
from expunge.core.accounts.staff_acts import InviteStaff
from expunge.testing.desk.walk import StepFailed, Walk
from tests.web.site.deciders import apart, confirm_keys, decided, register_of
from tests.web.site.desk import desk_company
from tests.web.site.handing_over import let_the_day_pass, token
from tests.web.site.http_person import PASSWORD, HttpPerson, code_of
from tests.web.site.kit import SiteServed

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what decodes is closed by the kernel of Linux")


@dataclass
class Walked:
    """A walk whose operator is the test: keys are confirmed once their people have enrolled."""

    served: SiteServed
    accounts: list[str]
    lines: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        self.lines.append(line)
        if line.startswith("ok       enrol: "):
            for account in self.accounts:
                confirm_keys(self.served, account)


def invited(served: SiteServed, tag: str) -> tuple[Walked, dict[str, Any]]:
    """Links of a reviewer without a training and of an approver with it, as a file tells them."""
    people, accounts = {}, []
    for role, function in (("reviewer", JobFunction.REVIEWER), ("approver", JobFunction.OFFICER)):
        label = f"walk-{role}-{tag}"
        made = decided(served, InviteStaff(label, function))
        people[role] = {"label": label, "link": f"{served.origin}/staff/enrol/#{made.secret}"}
        accounts.append(next(name for name, each in register_of(served).accounts.items() if each.label == label))
    apart(lambda: desk_company.prepared(served.folder, people["approver"]["label"]))
    return Walked(served, accounts), {"people": people, "recording": f"rings/{desk_company.RING}"}


def member(served: SiteServed, address: str) -> dict[str, str]:
    """A guardian of the child in the film, who logs in with a password and a code app."""
    person = HttpPerson(served)
    person.sign_up(address)
    seed = person.enrol_app()
    person.get("/handover/")
    person.send("token", token=f"{served.origin}/handover/#{token(served, address, (f'profile:{desk_company.MIA}', 'guardian'))}")
    person.get("/handover/confirm/")
    person.confirm(code=code_of(seed, 1))
    let_the_day_pass(served)
    # Why: the walk sends codes of this half minute, and each counts once.
    served.kept("UPDATE expunge_code_device SET last_step = 0")
    return {"address": address, "password": PASSWORD, "seed": seed}


def film(folder: Path) -> str:
    path = folder / "film.mp4"
    path.write_bytes(desk_company.picture())
    return str(path)


def test_every_step_holds(desk_of_the_worker: SiteServed, tmp_path: Path) -> None:
    served = desk_of_the_worker
    served.sql("DELETE FROM expunge_counter")
    walked, told = invited(served, "whole")
    family = member(served, "walk@home.example")
    told |= {"film": film(tmp_path), "family": family, "map": str(served.folder / "expunge.yaml")}
    walk = Walk(served.origin, told, walked.say)
    assert walk.go(), walked.lines
    assert [line[:9].strip() for line in walked.lines] == ["ok"] * len(walked.lines)
    said = "\n".join(walked.lines)
    for each in (
        "no request without a training", "request ", "its own reviewer does not approve", "approval by another person", "activation: lease",
        "first range", "of the detail left", "shows nothing to another person", "refused range: status 410", "the customer reads",
        "expunge views: the same 2 entries of the lease and 2 refusals",
    ):  # fmt: skip
        assert each in said
    for received, why in ((desk_company.picture(), "of the detail, colour, or sound"), (b"no film", "Invalid data")):
        walk.received = received
        with pytest.raises(StepFailed, match=why):
            walk.measure()


def test_it_ends_at_the_first_step_that_fails(desk_of_the_worker: SiteServed) -> None:
    link = f"{desk_of_the_worker.origin}/staff/enrol/#expunge-staff-nothing"
    walked = Walked(desk_of_the_worker, [])
    walk = Walk(desk_of_the_worker.origin, {"people": {"reviewer": {"label": "walk-reviewer-none", "link": link}}}, walked.say)
    assert not walk.go()
    assert walk.failed == ["enrol"]
    assert walked.lines[-1].startswith("failed")

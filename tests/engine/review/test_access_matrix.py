"""Every act of the desk, by every role, in every state of a request and its lease. What the table does not allow is refused."""

from __future__ import annotations

import shutil
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from expunge.core.journal.review_events import ViewServed
from expunge.core.journal.review_words import Clarity, RecusalReason, ReviewOutcome, Sound
from expunge.engine.review import requesting
from expunge.errors import ExpungeError
from expunge.ports.review.seats import Seat
from expunge.servers.seaweedfs import SeaweedServer
from tests.cli.running import expunge as command
from tests.engine.families.recorded_company import ANNA, BELA, FILM, Company, build
from tests.engine.review.desk_company import (
    ADMINISTRATOR,
    BELL,
    OFFICER,
    OPERATOR,
    PARENT,
    REVIEWER,
    SECOND_OFFICER,
    SECOND_REVIEWER,
    DeskCompany,
    at_desk,
    copied,
    entered,
)
from tests.vault.bucket_home import IN_A_FOLDER, declaration, prefix

ROLES = {
    "reviewer": REVIEWER,
    "other reviewer": SECOND_REVIEWER,
    "officer": SECOND_OFFICER,
    "operator": OPERATOR,
    "administrator": ADMINISTRATOR,
    "stranger": "no account",
}
Prepare = Callable[[DeskCompany, str], None]


def _seat(office: DeskCompany, account: str) -> Seat:
    return office.seat(account, b"s" * 32 if account == REVIEWER else account.encode())


def _approve(office: DeskCompany, request: str) -> None:
    requesting.approve(office.desk, office.seat(OFFICER, b"o" * 32), request)


def _activate(office: DeskCompany, request: str) -> None:
    _approve(office, request)
    office.viewing.activate(office.seat(), request)


def _revoke(office: DeskCompany, request: str) -> None:
    requesting.revoke(office.desk, request, OPERATOR)


def _later(office: DeskCompany, by: timedelta) -> None:
    office.clock.ahead += by


def _lease(office: DeskCompany, request: str) -> str:
    lease = office.reviews().requests[request].lease
    return lease.begun.lease if lease is not None else "0f" * 8


STATES: dict[str, tuple[Prepare, ...]] = {
    "asked": (),
    "approved": (_approve,),
    "denied": (lambda office, request: requesting.deny(office.desk, OFFICER, request) and None,),
    "expired": (_approve, lambda office, _: _later(office, timedelta(hours=24))),
    "active": (_activate,),
    "time over": (_activate, lambda office, _: _later(office, timedelta(minutes=15))),
    "revoked": (_activate, _revoke),
    "recused": (
        _activate,
        lambda office, request: requesting.recuse(office.desk, REVIEWER, request, RecusalReason.HARMFUL) and None,
    ),
    "closed": (
        _activate,
        lambda office, request: requesting.enter_outcome(office.desk, REVIEWER, request, ReviewOutcome.RESOLVED) and None,
    ),
    "erased": (_activate, lambda office, _: office.erase()),
    "suspended": (_activate, lambda office, _: office.suspend(REVIEWER)),
    "logged out": (_activate, lambda office, _: office.logins.ended.add(b"s" * 32)),
}
"""State -> what leads there from a request that was asked."""
ALLOWED = {
    ("approve", "officer"): {"asked", "approved"},
    ("deny", "officer"): {"asked", "approved"},
    ("activate", "reviewer"): {"approved"},
    ("fetch", "reviewer"): {"active"},
    ("step up", "reviewer"): {"active"},
    ("outcome", "reviewer"): {"active", "time over", "revoked", "erased", "suspended", "logged out"},
    ("recuse", "reviewer"): set(STATES),
}
"""(Act, role) -> the states in which it is let. An act that is not here is let to no role in no state."""
ACTS: dict[str, Callable[[DeskCompany, str, str], object]] = {
    "approve": lambda office, account, request: requesting.approve(office.desk, _seat(office, account), request),
    "deny": lambda office, account, request: requesting.deny(office.desk, account, request),
    "activate": lambda office, account, request: office.viewing.activate(_seat(office, account), request),
    "fetch": lambda office, account, request: office.fetch(_lease(office, request), 0, 2000, _seat(office, account)),
    "step up": lambda office, account, request: office.viewing.step(
        _seat(office, account), _lease(office, request), Clarity.FACES_HIDDEN, Sound.MUTE
    ),
    "outcome": lambda office, account, request: requesting.enter_outcome(office.desk, account, request, ReviewOutcome.REPORTED),
    "recuse": lambda office, account, request: requesting.recuse(office.desk, account, request, RecusalReason.KNOWS_PERSON),
}


@contextmanager
def in_state(template: Company, folder: Path, state: str) -> Iterator[tuple[DeskCompany, str]]:
    """Bring a request into a state."""
    with at_desk(copied(template, folder)) as office:
        request = requesting.ask(office.desk, office.seat(), office.new()).id
        for prepare in STATES[state]:
            prepare(office, request)
        yield office, request
    shutil.rmtree(folder)


@pytest.mark.duty("FAIL-06")
@pytest.mark.parametrize("state", list(STATES))
def test_every_act_by_every_role(desk_template: Company, tmp_path: Path, state: str) -> None:
    """Acts that are refused come first, all in one installation. Each that is let has one of its own."""
    pairs = [(act, role) for act in ACTS for role in ROLES]
    let = [pair for pair in pairs if state in ALLOWED.get(pair, ())]
    with in_state(desk_template, tmp_path / "refused", state) as (office, request):
        before = len(office.rendered)
        for act, role in pairs:
            if (act, role) in let:
                continue
            with pytest.raises(ExpungeError):
                pytest.fail(f"{role} may {act} when {state}: {ACTS[act](office, ROLES[role], request)!r}")
        assert len(office.rendered) == before
        assert entered(office.events(), ViewServed) == ()
    for number, (act, role) in enumerate(let):
        with in_state(desk_template, tmp_path / f"let-{number}", state) as (office, request):
            ACTS[act](office, ROLES[role], request)


@pytest.mark.parametrize("state", ["asked", "active"])
def test_families_answer_for_their_own_child_alone(desk_template: Company, tmp_path: Path, state: str) -> None:
    with in_state(desk_template, tmp_path / "home", state) as (office, request):
        for granted in (True, False):
            with pytest.raises(ExpungeError):
                requesting.answer_as_family(office.desk, PARENT, office.subject(BELA), (), request, granted=granted)
        before = office.reviews().requests[request].answers
        assert [each for each in before if each.family] == []


def test_the_bytes_that_lie_in_the_vault_are_sealed(desk_home: Company) -> None:
    """With the service's files and without its keys, no byte of a sealed recording is read."""
    files = [path for path in (desk_home.world / "vault").rglob("*") if path.is_file()]
    assert files
    for path in files:
        assert FILM[:64] not in path.read_bytes()
        assert FILM[64:320] not in path.read_bytes()


def test_the_objects_of_a_vault_in_a_bucket_are_sealed(seaweed: SeaweedServer, tmp_path: Path) -> None:
    """With the service's credentials for the bucket, and all of its files but the keys, no part of a sealed recording is read."""
    shelf = prefix(seaweed, "suite-desk-vault")
    company = build(tmp_path / "home")
    company.write_map()
    text = (company.folder / "expunge.yaml").read_text()
    assert IN_A_FOLDER in text
    (company.folder / "expunge.yaml").write_text(text.replace(IN_A_FOLDER, declaration("vault", shelf)))
    with company.open() as opened:
        company.ring(opened, ANNA, "ring-1", FILM)
    objects = dict(shelf.all())
    assert sum(map(len, objects.values())) >= len(FILM), "the film lies there"
    files = {str(path): path.read_bytes() for path in company.folder.rglob("*") if path.is_file() and "keys" not in path.parts}
    parts = [FILM[start : start + 64] for start in range(0, 512, 64)]
    assert [name for name, data in (objects | files).items() if any(part in data for part in parts)] == []


ASKED = (
    ("access", "list", "--all"), ("access", "people"), ("access", "reach"), ("views", "--reviewer", "desk-0"),
    ("views", "--recording", f"bell/{BELL}"), ("views", "--person", f"profile:{ANNA}"), ("vault", "openings"), ("vault", "inventory"),
    ("vault", "who-can-read"), ("findings", "list"), ("check",), ("due",),
)  # fmt: skip
"""Commands that tell of recordings, views and ways to them."""


def test_no_command_shows_a_recording_while_a_lease_runs(desk_template: Company, tmp_path: Path) -> None:
    """The commands of the desk and of the vault are run beside a running lease: none has a byte of the film, and none enters a view."""
    with in_state(desk_template, tmp_path / "home", "active") as (office, request):
        home = office.company.folder / "expunge.yaml"
        forms = [form for part in (FILM[:48], FILM[300:348]) for form in (part, part.hex().encode(), b64encode(part))]
        for line in (*ASKED, ("access", "show", request), ("access", "approve", request, "--message")):
            for more in ((), ("--json",)):
                said = command(*line, *more, "--map", home)
                shown = (said.out + said.err).encode("utf-8", "surrogateescape")
                assert not any(form in shown for form in forms), line
        assert entered(office.events(), ViewServed) == ()
        assert office.rendered == []

"""What each peer may ask: the keeper's own user everything, others what the operator gave them, and nothing beside."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import fields, replace

import pytest

from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.key_requests import KeyDesk, Publics
from expunge.adapters.keeper.peers import ONLY_SERVES, Accounts, Admitted, Peer, Right
from expunge.adapters.keeper.requests import Request, Status, Stop
from expunge.adapters.keeper.sender_requests import NoSenders, SendersDesk
from expunge.adapters.keeper.server import Keeper
from expunge.adapters.keeper.vault_requests import NoVault, VaultDesk
from expunge.bootstrap.serving import keeper_process
from expunge.errors import Misconfigured, UsageError

KEYS, CAMERA, VIEWER, TRAINER, STRANGER, GUEST, SERVER = range(50_001, 50_008)
GROUP = 60_001
ADMITTED = Admitted(
    users=frozenset({KEYS}),
    read={"look": Accounts(frozenset({VIEWER}), frozenset({GROUP})), "train": Accounts(frozenset({TRAINER}))},
    ingest=Accounts(frozenset({CAMERA})),
    serve=Accounts(frozenset({SERVER})),
)
KEY_REQUESTS = KeyDesk(None).handlers()  # type: ignore[arg-type]
VAULT_REQUESTS = VaultDesk(NoVault()).handlers()
SENDER_REQUESTS = SendersDesk(NoSenders()).handlers()
REQUESTS = KEY_REQUESTS | VAULT_REQUESTS | SENDER_REQUESTS
SAID = {"BearerText": "", "int": 0, "str": "", "int | None": None, "bool": False, "Name": "", "OrderId": "ord-a"}


def peer(uid: int, *groups: int) -> Peer:
    return Peer(1, uid, frozenset({uid, *groups}))


def asked(kind: type[Request], purpose: str = "look") -> Request:
    """A request of a kind."""
    said = {each.name: SAID.get(str(each.type), ()) for each in fields(kind)}
    return kind(**said | ({"purpose": purpose} if kind.needs is Right.READ and "purpose" in said else {}))


def refused(who: Peer, request: Request, admitted: Admitted = ADMITTED) -> str:
    """What the keeper says to a peer; empty where it answers."""
    keeper = Keeper(dict.fromkeys(REQUESTS, lambda *_: Answer("done")), lambda: "", admitted)
    try:
        assert asyncio.run(keeper._act(who, request, b"")).value == "done"
    except Misconfigured as error:
        return error.help
    return ""


def kinds(right: Right) -> Iterator[type[Request]]:
    yield from (kind for kind in REQUESTS if kind.needs is right)


def test_each_request_needs_the_right_that_it_should() -> None:
    """A new request needs that for keys, until somebody says otherwise."""
    assert set(kinds(Right.KEYS)) == set(KEY_REQUESTS)
    assert {each.name for each in kinds(Right.READ)} == {"open-recording", "read-recording", "close-recording", "readable-recordings"}
    assert {each.name for each in kinds(Right.INGEST)} == {"begin-upload", "append-upload", "finish-upload", "drop-upload"}
    assert set(kinds(Right.SERVE)) == set(SENDER_REQUESTS)


@pytest.mark.parametrize(
    ("who", "may"),
    [
        (peer(os.geteuid()), {Right.KEYS, Right.READ, Right.INGEST, Right.SERVE}),
        (peer(KEYS), {Right.KEYS}),
        (peer(CAMERA), {Right.INGEST}),
        (peer(VIEWER), {Right.READ}),
        (peer(GUEST, GROUP), {Right.READ}),
        (peer(SERVER), {Right.SERVE}),
        (peer(STRANGER), set()),
    ],
    ids=["own", "keys", "camera", "viewer", "member", "server", "stranger"],
)
def test_a_peer_is_answered_what_it_was_given_and_told_which_option_gives_the_rest(who: Peer, may: set[Right]) -> None:
    options = {Right.KEYS: "--allow-user NAME", Right.READ: "--let-read NAME:PURPOSE", Right.INGEST: "--let-ingest NAME"}
    options[Right.SERVE] = "--let-serve NAME"
    for right, option in options.items():
        for kind in kinds(right):
            said = refused(who, asked(kind))
            assert (said == "") is (right in may), (kind.name, said)
            assert not said or option in said


def test_a_purpose_that_was_not_given_is_refused() -> None:
    """The opening and the list are refused by the purpose; going on by the opening itself, which belongs to another user."""
    for kind in kinds(Right.READ):
        named = "purpose" in {each.name for each in fields(kind)}
        assert bool(refused(peer(TRAINER), asked(kind, "look"))) is named
        assert refused(peer(TRAINER), asked(kind, "train")) == ""
        assert "--let-read" in refused(peer(STRANGER), asked(kind))


def test_whoever_has_any_right_may_ask_how_it_is_and_only_its_own_user_may_stop_it() -> None:
    keeper = Keeper({}, lambda: "", ADMITTED)
    for uid in (KEYS, CAMERA, VIEWER):
        keeper._welcome(peer(uid))
        assert asyncio.run(keeper._act(peer(uid), Status(), b"")).value
        with pytest.raises(Misconfigured, match="only the keeper's own user"):
            asyncio.run(keeper._act(peer(uid), Stop(), b""))
    with pytest.raises(Misconfigured, match="may not ask the keeper"):
        keeper._welcome(peer(STRANGER))
    with pytest.raises(Misconfigured, match="may not ask the keeper"):
        Keeper({}, lambda: "")._welcome(peer(KEYS))


def test_a_keeper_of_a_server_lets_its_own_user_serve_alone() -> None:
    """Whatever its user is: code in the server's process is of that user."""
    alone = replace(ADMITTED, own_serves_alone=True)
    own = peer(os.geteuid())
    for kind in REQUESTS:
        assert refused(own, asked(kind), alone) == ("" if kind in SENDER_REQUESTS else ONLY_SERVES), kind.name
    assert refused(peer(KEYS), Publics(), alone) == "", "others have what they were given"
    keeper = Keeper({}, lambda: "", alone)
    keeper._welcome(own)
    assert asyncio.run(keeper._act(own, Status(), b"")).value
    with pytest.raises(Misconfigured, match="ends with it"):
        asyncio.run(keeper._act(own, Stop(), b""))
    told = keeper_process.rights_of(keeper_process.serving(Admitted(), [], ["0"], own_alone=True))
    assert [may for _, may in told] == ["serve senders with tokens"] * 2


def test_rights_are_read_from_options_and_told_by_name() -> None:
    found = keeper_process.admitted([], [], ["0:look", "0:train", "1:look"], ["0:look"], ["0"], ["0"])
    assert found.read == {"look": Accounts(frozenset({0, 1}), frozenset({0})), "train": Accounts(frozenset({0}))}
    assert found.others
    assert not found.keys
    told = keeper_process.rights_of(found)
    assert ("user root", "send recordings in") in told
    assert ("group root", "open recordings for 'look'") in told
    with pytest.raises(UsageError, match="no purpose"):
        keeper_process.admitted([], [], ["0"])

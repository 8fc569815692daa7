"""Sensitive asks at the keeper: begin and finish over the socket, beside the same in the process itself.

Each finish verifies a P-256 signature, counts it durably and gives a permit. The signatures are made by an authenticator in memory, outside
the measured time.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from bench.keeper import HERE
from bench.keeper_vault import MAP
from bench.result import Result
from expunge.adapters.credentials.passkeys_fido2 import Fido2Passkeys
from expunge.adapters.database.journal_django import open_journal
from expunge.adapters.keeper.keeper_guard import KeeperGuard
from expunge.adapters.keeper.peers import Admitted
from expunge.adapters.keeper.place import KeeperPlace
from expunge.adapters.keys.field_seals import FieldSeals
from expunge.adapters.keys.local_keystore import open_keystore
from expunge.bootstrap import Expunge
from expunge.bootstrap.accounts.guard_settings import GuardSettings
from expunge.bootstrap.accounts.kept_guard import KeptGuard
from expunge.bootstrap.serving import keeper_process
from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.accounts.memberships import Membership, MembershipRole
from expunge.ports.accounts.account_guard import AccountGuard, PasskeyProof
from expunge.ports.accounts.account_register import AccountRecord, AccountRegister, CredentialRecord
from expunge.testing.accounts.soft_authenticator import SoftAuthenticator, packed

ASKS = 1_000
SETTINGS = GuardSettings("https://owl.example", "Owl")
SESSION = b"s" * 32
NOW = datetime(2026, 11, 29, tzinfo=UTC)


def run() -> list[Result]:
    """Measure; half a minute."""
    with tempfile.TemporaryDirectory(dir=HERE, prefix="_bench-") as name:
        folder = Path(name)
        with closing(sqlite3.connect(folder / "app.db")) as database:
            database.execute("CREATE TABLE profiles (profile_id TEXT PRIMARY KEY)")
        (folder / "expunge.yaml").write_text(MAP)
        state = Expunge.init(folder / "expunge.yaml")
        place = KeeperPlace(state, state / "keys")
        fields = FieldSeals(open_keystore(place.keys).account_key())
        kept = KeptGuard(lambda: open_journal(f"sqlite:///{state}/state.db"), fields, SETTINGS)
        authenticator, ask = _member(kept.register)
        with _keeper(place, folder / "expunge.yaml"), closing(KeeperGuard(place, 10.0)) as guard:
            times = [(_ask(guard, authenticator, ask), _ask(kept(), authenticator, ask)) for _ in range(ASKS)]
        kept.close()
    results = []
    for number, (what, target) in enumerate((("begin", 0.2), ("finish", 0.66))):
        ours, other = ([each[side][number] * 1e3 for each in times] for side in (0, 1))
        note = f"p99 {sorted(ours)[ASKS * 99 // 100]:.2f} ms"
        results.append(
            Result(
                f"keeper, {what} a sensitive ask, p50", statistics.median(ours), "ms", statistics.median(other), "in the process itself",
                target=target, better="lower", note=note,
            )
        )  # fmt: skip
    return results


def _ask(guard: AccountGuard, authenticator: SoftAuthenticator, ask: Ask) -> tuple[float, float]:
    begun_at = time.perf_counter()
    begun = guard.begin_ask(SESSION, ask)
    between = time.perf_counter()
    proof = PasskeyProof(authenticator.sign(begun.options or {}))
    signed = time.perf_counter()
    guard.finish_ask(begun.token, SESSION, ask, proof)
    return between - begun_at, time.perf_counter() - signed


def _member(register: AccountRegister) -> tuple[SoftAuthenticator, Ask]:
    account, challenge = uuid4(), os.urandom(32)
    authenticator = SoftAuthenticator(SETTINGS.origin, SETTINGS.relying_party)
    passkeys = Fido2Passkeys(SETTINGS.origin, SETTINGS.relying_party, SETTINGS.company)
    made = passkeys.verify_creation(challenge, json.loads(authenticator.create({"challenge": packed(challenge)})))
    register.open_account(AccountRecord(account, b"", "en", NOW))
    record = CredentialRecord(
        made.credential, account, made.key, made.sign_count, user_verified=True, backup_eligible=False,
        name=b"", ceremony=bytes(32), created_at=NOW,
    )  # fmt: skip
    register.add_credential(record, first=True)
    register.set_membership(Membership(account, "f-owl", MembershipRole.GUARDIAN, NOW))
    return authenticator, Ask(AskKind.EXPORT, account, "f-owl")


@contextmanager
def _keeper(place: KeeperPlace, map_path: Path) -> Iterator[None]:
    reading, writing = os.pipe()
    pid = os.fork()
    if not pid:
        keeper_process.keep(place, None, Admitted(), lambda: (os.write(writing, b"."), None)[1], accounts=(map_path, SETTINGS))
        os._exit(0)
    os.read(reading, 1)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGTERM)
        os.waitpid(pid, 0)

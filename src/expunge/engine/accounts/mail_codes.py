"""Codes by mail: they prove that a person reads the account's mail, where the account has no credential, and for a recovery that waits.

A code has eight digits, works once, within 15 minutes, in the web session that asked for it, and ends after five wrong ones. Memory holds
its keyed hash alone. An account and an address get five codes an hour: 25 guesses among 100,000,000.
"""

from __future__ import annotations

import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from hashlib import sha256
from uuid import UUID

from expunge.core.accounts.asks import AskKind
from expunge.core.accounts.letter_texts import LetterKind
from expunge.engine.accounts.allowances import Allowance
from expunge.engine.accounts.owners import Owners
from expunge.errors import ChallengeEnded, ExpungeError, ProofRefused
from expunge.ports.accounts.account_guard import CODE_SECONDS
from expunge.ports.accounts.account_register import AccountRecord, AccountRegister
from expunge.ports.clock import Clock

DIGITS = 8
TRIES = 5
SENT_AN_HOUR = 5
"""Codes for one account, and to one address."""
SENT_A_MINUTE = 300
"""Codes in all: the keeper is no cannon for mail."""
_HOUR, _MINUTE = 3600.0, 60.0


@dataclass
class _Sent:
    session: bytes
    address: bytes
    """Sealed: a code proves the address that it was sent to."""
    kind: AskKind
    """Of the ask that the letter named."""
    keyed: bytes = field(repr=False)
    until: float
    tries: int = 0


class MailCodes:
    """Sends codes and checks them. Safe between threads.

    Recoveries have an object of their own: a code that a person typed to add a first passkey begins none.
    """

    def __init__(self, register: AccountRegister, owners: Owners, clock: Clock, now: Callable[[], float]) -> None:
        self._register, self._owners, self._clock, self._now = register, owners, clock, now
        self._key = secrets.token_bytes(32)
        self._guard = threading.Lock()
        self._sent: OrderedDict[UUID, _Sent] = OrderedDict()
        """Account -> its one code, oldest first. :data:`SENT_A_MINUTE` bounds them."""
        self._of_account = Allowance("codes for this account", SENT_AN_HOUR, _HOUR, now)
        self._of_address = Allowance("codes to this address", SENT_AN_HOUR, _HOUR, now)
        self._together = Allowance("codes in all", SENT_A_MINUTE, _MINUTE, now)

    def send(self, record: AccountRecord, session: bytes, kind: AskKind, letter: LetterKind) -> None:
        """Send a code by a letter, and end the one before. Raises Busy, Undelivered, and UsageError where the account has no address."""
        allowances: tuple[tuple[Allowance, Hashable], ...] = (
            (self._of_account, record.account),
            (self._of_address, record.address),
            (self._together, None),
        )
        # Why counted before it is sent: two requests at once must not both be the fifth.
        taken: list[tuple[Allowance, Hashable]] = []
        code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"
        try:
            for allowance, key in allowances:
                allowance.take(key)
                taken.append((allowance, key))
            self._owners.write(record, letter, self._clock.now(), code)
        except ExpungeError:
            for allowance, key in taken:
                allowance.give_back(key)
            raise
        sent = _Sent(session, record.address, kind, self._keyed(record.account, session, code), self._now() + CODE_SECONDS)
        with self._guard:
            self._sweep()
            self._sent[record.account] = sent
            self._sent.move_to_end(record.account)

    def check(self, account: UUID, session: bytes, code: str) -> AskKind:
        """Accept the code that was sent, once, note that the address is proven, and return the kind of ask that the letter named.

        Raises ProofRefused, ChallengeEnded.
        """
        keyed = self._keyed(account, session, code.replace(" ", ""))
        with self._guard:
            self._sweep()
            sent = self._sent.get(account)
            if sent is None:
                message = "there is no such code any more: it was used, its time is over, or the keeper began anew"
                raise ChallengeEnded(message, help="ask for a new code; nothing was done")
            sent.tries += 1
            right = hmac.compare_digest(sent.keyed, keyed)
            if right or sent.tries >= TRIES:
                del self._sent[account]
        if not right:
            left = TRIES - sent.tries
            message = "the code is not the one that was sent to this account, or was asked for in another window"
            raise ProofRefused(message, help=f"look at the newest letter; tries left: {left}" if left > 0 else "ask for a new code")
        if not self._is_before(account, sent.address) and not self._register.prove_address(account, sent.address, self._clock.now()):
            raise ChallengeEnded("the code was sent to an address that the account had before", help="ask for a new code")
        return sent.kind

    def _is_before(self, account: UUID, address: bytes) -> bool:
        """Return whether an address is the one that the account had before, and its newer one is not proven."""
        record = self._register.account(account)
        return record is not None and record.proven_at is None and address == record.before != record.address

    def forget(self, account: UUID) -> None:
        """End the code of an account."""
        with self._guard:
            self._sent.pop(account, None)

    def _sweep(self) -> None:
        while self._sent and next(iter(self._sent.values())).until <= self._now():
            self._sent.popitem(last=False)

    def _keyed(self, account: UUID, session: bytes, code: str) -> bytes:
        return hmac.digest(self._key, account.bytes + session + code.encode(), sha256)

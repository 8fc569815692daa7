"""Access tokens of the company's app: exchanged for its signed statements, and checked at each use.

The process that has the state verifies everything itself: the app's own token, the statement's signature, times and one use, and at each
use the token, its login, the app, the company's key and what the map allows now.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from expunge.core.accounts.accounts_spec import HandOverSpec
from expunge.core.accounts.app_spec import AppScope, AppSpec
from expunge.core.accounts.hand_over import SKEW
from expunge.core.families.app_access import (
    ENDED_FOR,
    SECRET_BYTES,
    AppFault,
    SaidEvent,
    family_handle,
    login_digest,
    read_said,
    read_scopes,
    read_statement,
    recording_handle,
    require_in_time,
    statement_used,
    token_digest,
    token_text,
    unsigned,
)
from expunge.core.journal.access_tokens import Token
from expunge.core.values.canonical import Json
from expunge.core.values.ids import Pseudonym
from expunge.errors import AlreadyThere, AppRefused, HandOverRefused
from expunge.ports.accounts.hand_overs import HandOverTokens
from expunge.ports.clock import Clock
from expunge.ports.families.app_door import AppGrant
from expunge.ports.families.app_tables import AppTables, AppTokenRecord


@dataclass(frozen=True)
class AppRules:
    """What the map says of the company's app now, and what verifies the texts that the company signs."""

    app: AppSpec
    company: HandOverSpec
    """Its keys sign statements."""
    statements: HandOverTokens
    events: HandOverTokens
    """Verifies events of the company's assistant."""


class AppTokens:
    """Exchanges statements and checks tokens. Safe between threads and processes."""

    def __init__(
        self,
        rules: AppRules,
        family_of: Callable[[str], str],
        tables: AppTables,
        client_works: Callable[[str], bool],
        handle_key: Callable[[], bytes],
        clock: Clock,
        random: Callable[[int], bytes],
        account_of: Callable[[Sequence[Pseudonym], str], str],
    ) -> None:
        """Set up.

        Args:
            rules: of the map.
            family_of: turns the company's own KIND:VALUE into a pseudonym; raises HandOverRefused for a kind that the map does not have.
            tables: keep tokens, by their hashes.
            client_works: tells whether an app's own token still counts, by its id.
            handle_key: gives the key that handles of families are made with.
            clock: never goes back.
            random: gives random bytes.
            account_of: returns the account of a mail address, named by its hex SHA-256, that is a member of one of some families; empty for
                none.
        """
        self._rules, self._family_of, self._tables = rules, family_of, tables
        self._client_works, self._handle_key, self._clock, self._random = client_works, handle_key, clock, random
        self._account_of = account_of

    def exchange(self, client: Token, statement: str, scope: str) -> AppGrant:
        """Return an access token for a statement; see :meth:`expunge.ports.families.app_door.AppDoor.exchange`."""
        key, claims = _verified(self._rules.statements, statement)
        told, now = read_statement(claims), self._clock.now()
        require_in_time(told, now)
        wanted = read_scopes(scope) if scope else told.scopes & self._allowed
        if not wanted or not wanted <= told.scopes & self._allowed:
            message = "the statement or the map does not allow this scope"
            help_ = "have the company's server name it in the claim scope, and the map under accounts.app.acts"
            raise AppRefused(message, help=help_, reason=AppFault.SCOPE.value)
        families = tuple(dict.fromkeys(self._named(each.subject) for each in told.told))
        secret = self._random(SECRET_BYTES)
        digest = token_digest(f"Bearer {token_text(secret)}")
        assert digest is not None
        until = now + self._rules.app.token_for
        account = self._account_of(families, told.address) if told.address else ""
        record = AppTokenRecord(digest, client.id, told.login, families, wanted, told.authenticated_at, until, key, account)
        try:
            goes_on = self._tables.issue(record, told.use, told.until + SKEW, now)
        except AlreadyThere as error:
            raise statement_used() from error
        if not goes_on:
            message = "the customer's login at the app has ended"
            raise AppRefused(message, help="have the customer log in again", reason=AppFault.LOGIN_ENDED.value)
        return AppGrant(token_text(secret), until, wanted, tuple(map(self.handle_of, families)))

    def said(self, event: str) -> tuple[SaidEvent, Pseudonym, str]:
        """Return what an event of the company's assistant says, the family that it is about, and the name of the key that signed it.

        Raises AppRefused. Why it is not marked as used: the same event means the same order.
        """
        key, claims = _verified(self._rules.events, event)
        told = read_said(claims)
        require_in_time(told, self._clock.now())
        if AppScope.DELETE not in self._allowed:
            message = "the map does not allow apps to order deletions"
            raise AppRefused(message, help="name delete under accounts.app.acts", reason=AppFault.SCOPE.value)
        return told, self._named(told.subject), key

    def end_login(self, session: str) -> int:
        """End a login at the app; return how many tokens ended with it."""
        # Why no check that it is known: a login that has no token yet may have a statement that is on its way.
        return self._tables.end_login(login_digest(self._rules.company.issuer, session), self._clock.now() + ENDED_FOR)

    def end_token(self, header: str) -> None:
        """End the token that a header shows. Safe to repeat."""
        digest = token_digest(header)
        if digest is not None:
            self._tables.end_token(digest)

    def admit(self, header: str, scope: AppScope | None = None) -> AppTokenRecord:
        """Return the token that a header shows, where it counts now, and allows what ``scope`` names. Raises AppRefused."""
        digest = token_digest(header)
        record = None if digest is None else self._tables.token(digest)
        if record is None or self._clock.now() >= record.until or not self._stands(record):
            message = "the access token is not known, has ended, or its login at the app has"
            raise AppRefused(message, help="exchange a new statement: POST /api/v1/app/token", reason=AppFault.TOKEN.value)
        if scope is not None and scope not in record.scopes & self._allowed:
            message = f"the access token does not allow to {_VERBS[scope]}"
            help_ = f"exchange a statement whose scope has {scope.value!r}; the map has to allow it under accounts.app.acts"
            raise AppRefused(message, help=help_, reason=AppFault.SCOPE.value)
        return record

    def require_fresh(self, record: AppTokenRecord) -> None:
        """Raise AppRefused where the customer's authentication at the app is too old for a deletion."""
        if self._clock.now() - record.authenticated_at > self._rules.app.fresh_login:
            minutes = self._rules.app.fresh_login // timedelta(minutes=1)
            message = f"the customer authenticated more than {minutes} minutes ago"
            help_ = "have the customer confirm with a password or passkey in the app, and exchange a statement with the new auth_time"
            raise AppRefused(message, help=help_, reason=AppFault.FRESH_LOGIN.value)

    def family(self, record: AppTokenRecord, handle: str) -> Pseudonym:
        """Return the family of a token that a handle names. Raises AppRefused."""
        found = next((family for family in record.families if self.handle_of(family) == handle), None)
        if found is None:
            message = "the access token names no such family"
            raise AppRefused(message, help="GET /api/v1/app/families lists those of the token", reason=AppFault.FAMILY.value)
        return found

    def handle_of(self, family: Pseudonym) -> str:
        """Return the handle by which apps name a family."""
        return family_handle(self._handle_key(), family)

    def recording_of(self, family: Pseudonym, dataset: str, item: str) -> str:
        """Return the handle by which apps name a recording of a family."""
        return recording_handle(self._handle_key(), family, dataset, item)

    def _named(self, subject: str) -> Pseudonym:
        try:
            return Pseudonym(self._family_of(subject))
        except HandOverRefused as error:
            raise unsigned("a statement names a person by a kind that the map does not have") from error

    @property
    def _allowed(self) -> frozenset[AppScope]:
        return frozenset(map(AppScope, self._rules.app.acts))

    def _stands(self, record: AppTokenRecord) -> bool:
        """Return whether the company's key and the app's own token, by which an access token came, still count."""
        return record.key in dict(self._rules.company.keys) and self._client_works(record.client)


def _verified(tokens: HandOverTokens, text: str) -> tuple[str, Mapping[str, Json]]:
    try:
        return tokens.verified(text)
    except HandOverRefused as error:
        raise unsigned(error.message.replace("a hand-over token", "a statement")) from error


def request_key(record: AppTokenRecord, family: Pseudonym, key: str) -> bytes:
    """Return the SHA-256 under which a request with an idempotency key is kept: another app or family has keys of its own."""
    return sha256(f"{record.client}\0{family}\0{key}".encode()).digest()


_VERBS = {
    AppScope.READ: "see what is held",
    AppScope.STOP: "withdraw consents",
    AppScope.DELETE: "order deletions",
    AppScope.RECEIPTS: "fetch receipts",
}

"""The one place where a try is admitted or refused, before anything is hashed, and where its end is entered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from django.db import transaction

from expunge import clock
from expunge.core.attempts import attempt_limits as limits
from expunge.core.attempts import spray
from expunge.core.attempts.attempt_limits import Factor, Surface
from expunge.core.attempts.client_networks import client_key, network_of
from expunge.core.attempts.spray import SourceCounts
from expunge.web.site.defence import by_surface, incidents, tallies
from expunge.web.site.defence.by_surface import TryOutcome
from expunge.web.site.defence.incidents import JudgedTry
from expunge.web.site.defence.names import keyed
from expunge.web.site.defence.shared_passwords import SHARED

_MONTH = 30 * 24 * 3600.0


class Refusal(StrEnum):
    """Why a try is not looked at. People are told none of it: the answer is one."""

    EVERYBODY = "everybody"
    NETWORK = "network"
    CLIENT = "client"
    ACCOUNTS = "accounts"
    PASSWORD = "password"  # noqa: S105 - a reason, not a password
    DELAY = "delay"
    CUT_OFF = "cut off"
    MAILS = "mails"
    AWAY = "away"
    """The keeper could not be asked whose the address is."""


_OF_ONE_SOURCE = frozenset({Refusal.NETWORK, Refusal.CLIENT, Refusal.ACCOUNTS})


@dataclass
class Attempt:
    """One try, from its form to its end."""

    surface: Surface
    client: str
    """The address of the client; kept in memory alone."""
    address: str = ""
    """The mail address as it was typed, or that of the person whose session it is."""
    account: str = ""
    """The id of the account, where there is one."""
    look_up: Callable[[], str] | None = None
    """Asks the keeper, and returns the id of the account of the address, empty for none; None once it was asked, or need not be."""
    password: str = field(default="", repr=False)
    known: bool = False
    """Whether the account knows the browser."""
    refusal: Refusal | None = None
    succeeded: bool = False
    failures: int = 0
    """In a row at the account, this one counted."""
    since: float = 0.0
    source: SourceCounts = field(default_factory=SourceCounts)
    _counted: list[str] = field(default_factory=list)
    _minute: int = 0

    @property
    def rule(self) -> limits.SurfaceRule:
        """How its surface counts."""
        return limits.RULES[self.surface]

    def resolve(self) -> None:
        """Fill in the account. Raises as :class:`~expunge.ports.accounts.sealed_fields.SealedFields`."""
        if self.look_up is not None:
            self.account, self.look_up = self.look_up(), None

    @property
    def target(self) -> str:
        """The keyed name of what it tries: the address, or the account without one."""
        typed = self.address.strip().lower() or self.account
        return keyed("target", typed) if typed else ""


def may_look_up(tokens: Iterable[str]) -> bool:
    """Return whether a browser with a signed cookie of devices may have an address looked up before its try is counted."""
    now = clock.timestamp()
    with tallies.in_turn(), transaction.atomic():
        return all(tallies.add(limits.OF_COOKIE, now, "cookie", token)[1] <= limits.OF_COOKIE.tries for token in tokens)


def admit(attempt: Attempt) -> Refusal | None:
    """Count a try against everything that limits it. Return why it is refused; None where it may be looked at.

    Each try counts as a failure until :func:`settle` says otherwise, so that tries side by side cannot pass together. The keeper is asked
    whose the address is after the budgets of sources alone: what they refuse must not use up what the keeper seals in a minute.

    Raises as :meth:`Attempt.resolve`; then no account counts the try.
    """
    now = clock.timestamp()
    with tallies.in_turn():
        tallies.sweep()
        with transaction.atomic():
            attempt.refusal = _known(attempt, now) if attempt.known else _passkey(attempt, now) or _of_sources(attempt, now)
    if attempt.refusal is None and not attempt.known and attempt.surface is not Surface.PASSKEY:
        attempt.refusal = Refusal.AWAY
        attempt.resolve()
        with tallies.in_turn(), transaction.atomic():
            attempt.refusal = _of_password(attempt) or _of_account(attempt, now) or _mails(attempt, now)
    if attempt.refusal is not None:
        with tallies.in_turn():
            if attempt.refusal in _OF_ONE_SOURCE:
                # Why: what one source is refused must not use up what its network, and all together, have. They are counted first.
                tallies.take_back(attempt._counted[:2])  # noqa: SLF001 - this module's own record
            by_surface.count(attempt.surface, TryOutcome.REFUSED)
            _enter_failure(attempt)
    return attempt.refusal


def settle(attempt: Attempt) -> None:
    """Enter how an admitted try ended."""
    if attempt.refusal is not None:
        return
    with tallies.in_turn():
        _enter(attempt)


def _enter(attempt: Attempt) -> None:
    by_surface.count(attempt.surface, _outcome(attempt))
    if attempt.succeeded:
        _succeed(attempt)
    elif attempt.rule.judged or spray.is_suspect(attempt.source):
        if attempt.password and not attempt.known and attempt.surface is Surface.LOGIN:
            SHARED.failed(attempt.password, attempt.target)
        _enter_failure(attempt)


def _outcome(attempt: Attempt) -> TryOutcome:
    if attempt.succeeded:
        return TryOutcome.RIGHT
    return TryOutcome.FAILED if attempt.rule.judged else TryOutcome.TAKEN


def passkey_succeeded(client: str) -> None:
    """Take back the try with a passkey that a client began, so that an office that signs in at nine uses up nothing."""
    with tallies.in_turn():
        tallies.take_back([keyed("passkeys", limits.PASSKEYS.window(clock.timestamp()), client_key(client))])
        by_surface.turned_out_right(Surface.PASSKEY)


def proven(account: str, addresses: Iterable[str], factors: Sequence[Factor]) -> None:
    """End the runs of failures at some factors of an account, whose owner proved another one, or set a password by mail (NST-06)."""
    targets = [keyed("target", address.strip().lower()) for address in addresses] + [keyed("target", account)]
    names = [keyed("run", scope, factor, account) for scope in ("account", "browsers") for factor in factors]
    tallies.end_runs([*names, *(keyed("run", "address", factor, target) for target in targets for factor in factors)])


def _known(attempt: Attempt, now: float) -> Refusal | None:
    _, own = tallies.add(limits.OF_KNOWN, now, "known account", attempt.account)
    if own > limits.OF_KNOWN.tries:
        return Refusal.CLIENT
    _, everybody = tallies.add(limits.KNOWN, now, "everybody", "known")
    if everybody > limits.KNOWN.tries:
        return Refusal.EVERYBODY
    if attempt.rule.factor is None:
        return _mails(attempt, now)
    run = keyed("run", "browsers", attempt.rule.factor, attempt.account)
    claimed = tallies.claim(run, limits.MOST_FROM_KNOWN, now, delayed=True, ends=None)
    return Refusal.DELAY if claimed is None else None


def _passkey(attempt: Attempt, now: float) -> Refusal | None:
    if attempt.surface is not Surface.PASSKEY:
        return None
    name, tried = tallies.add(limits.PASSKEYS, now, "passkeys", client_key(attempt.client))
    attempt._counted.append(name)  # noqa: SLF001 - this module's own record
    return Refusal.CLIENT if tried > limits.PASSKEYS.tries else None


def _of_sources(attempt: Attempt, now: float) -> Refusal | None:
    """Count a try against all together, its network and its client."""
    if attempt.surface is Surface.PASSKEY:
        return None
    name, everybody = tallies.add(limits.EVERYBODY, now, "everybody", "unknown")
    minute_before = tallies.tries(limits.EVERYBODY, now - limits.EVERYBODY.seconds, "everybody", "unknown")
    attempt._minute = max(everybody, minute_before)  # noqa: SLF001 - this module's own record
    attempt._counted.append(name)  # noqa: SLF001 - this module's own record
    if everybody > limits.EVERYBODY.tries:
        return Refusal.EVERYBODY
    return _of_source(attempt, now)


def _of_source(attempt: Attempt, now: float) -> Refusal | None:
    """Count a try against its network, its client, and the accounts that both have failed at; the widest first, so that rows stay few."""
    budgets = limits.ATTACKED if incidents.under_way() else limits.CALM
    client, network = client_key(attempt.client), network_of(attempt.client)
    counted = attempt._counted  # noqa: SLF001 - this module's own record
    name, of_network = tallies.add(limits.CALM.network, now, "network", network)
    counted.append(name)
    attempt.source = SourceCounts(
        tallies.tries(limits.CALM.client, now, "client accounts", client),
        tallies.tries(limits.CALM.network, now, "network accounts", network),
    )
    if of_network > budgets.network.tries:
        return Refusal.NETWORK
    name, of_client = tallies.add(limits.CALM.client, now, "client", client)
    counted.append(name)
    if of_client > budgets.client.tries:
        return Refusal.CLIENT
    if not attempt.target:
        return None
    name, pair = tallies.add(limits.CALM.client, now, "pair", client, attempt.target)
    counted.append(name)
    if pair > 1:
        return None
    attempt.source = SourceCounts(
        _more(counted, limits.CALM.client, now, "client accounts", client),
        _more(counted, limits.CALM.network, now, "network accounts", network),
    )
    over = attempt.source.client_accounts > budgets.accounts_of_client or attempt.source.network_accounts > budgets.accounts_of_network
    return Refusal.ACCOUNTS if over else None


def _more(counted: list[str], budget: limits.Budget, now: float, kind: str, *parts: str) -> int:
    name, many = tallies.add(budget, now, kind, *parts)
    counted.append(name)
    return many


def _of_password(attempt: Attempt) -> Refusal | None:
    if attempt.surface is not Surface.LOGIN or not attempt.password:
        return None
    accounts = SHARED.accounts(attempt.password)
    attempt.source = SourceCounts(attempt.source.client_accounts, attempt.source.network_accounts, accounts)
    return Refusal.PASSWORD if accounts >= limits.SHARED_PASSWORD else None


def _of_account(attempt: Attempt, now: float) -> Refusal | None:
    if attempt.rule.factor is None or not attempt.target:
        return None
    factor = attempt.rule.factor
    typed = keyed("run", "address", factor, attempt.target)
    claimed = tallies.claim(typed, limits.MOST_FROM_ELSEWHERE, now, delayed=True, ends=now + _MONTH)
    if claimed is None:
        return Refusal.DELAY
    attempt.failures, attempt.since = claimed.failures, claimed.since
    # Why for addresses without an account too: the same rows, so that the time of the answer tells nothing.
    owner = attempt.account or f"no account {attempt.target}"
    whole = tallies.claim(
        keyed("run", "account", factor, owner),
        limits.MOST_FROM_ELSEWHERE,
        now,
        delayed=False,
        ends=None if attempt.account else now + _MONTH,
    )
    return Refusal.CUT_OFF if whole is None else None


def _mails(attempt: Attempt, now: float) -> Refusal | None:
    """Refuse to have more mails sent to one address by one network. Another network has its own: nobody can use up the owner's."""
    if attempt.surface not in {Surface.PASSWORD_RESET, Surface.SIGN_UP} or not attempt.target:
        return None
    _, sent = tallies.add(limits.MAILS, now, "mails", network_of(attempt.client), attempt.target)
    return Refusal.MAILS if sent > limits.MAILS.tries else None


def _succeed(attempt: Attempt) -> None:
    tallies.take_back(attempt._counted)  # noqa: SLF001 - this module's own record
    if attempt.rule.factor is not None:
        factor = attempt.rule.factor
        names = [keyed("run", scope, factor, attempt.account) for scope in ("account", "browsers")]
        tallies.end_runs([*names, keyed("run", "address", factor, attempt.target)])
    if not attempt.known and attempt.surface is Surface.LOGIN:
        incidents.came(_judged(attempt))


def _enter_failure(attempt: Attempt) -> None:
    if attempt.known:
        return
    of_spray = incidents.failed(_judged(attempt))
    if of_spray or not attempt.target:
        return
    if spray.is_concentrated(attempt.failures):
        incidents.concentrated(attempt.target, attempt.since, attempt.failures)
    elif attempt.refusal in {Refusal.DELAY, Refusal.CUT_OFF}:
        incidents.refused_at(attempt.target)


def _judged(attempt: Attempt) -> JudgedTry:
    return JudgedTry(
        attempt.target,
        keyed("client", client_key(attempt.client)),
        keyed("network", network_of(attempt.client)),
        attempt.refusal is not None,
        spray.is_suspect(attempt.source) or attempt.refusal in {Refusal.ACCOUNTS, Refusal.PASSWORD},
        attempt._minute,  # noqa: SLF001 - this module's own record
    )

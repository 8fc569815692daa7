"""What a provider says of itself (OpenID Connect Discovery 1.0), and its keys (RFC 7517). Fetched once, and again from time to time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jwt
import requests

from expunge.core.accounts.accounts_spec import ProviderSpec
from expunge.web.site.providers.protocol.problems import Problem, ProviderTrouble
from expunge.web.site.providers.protocol.reach import PATIENCE, ProviderSession, sealed_or_here

FRESH = 3600.0
"""Seconds for which what was fetched is used without a look."""
STALE = 24 * 3600.0
"""Seconds for which it is used where the provider does not answer."""
AGAIN = 60.0
"""Seconds between two looks for a key that is not there."""
REST = 5.0
"""Seconds for which a provider that does not answer is not asked again."""
_WELL_KNOWN = "/.well-known/openid-configuration"
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")


@dataclass(frozen=True)
class Provider:
    """What a provider says of itself."""

    configuration: dict[str, Any]
    keys: tuple[jwt.PyJWK, ...]
    at: float
    """When it was fetched, by the clock of the directory."""

    @property
    def names_itself(self) -> bool:
        """Return whether its answers at the callback name the issuer (RFC 9207)."""
        return self.configuration.get("authorization_response_iss_parameter_supported") is True


class Directory:
    """The providers as this process knows them. Safe between threads; one thread fetches, and others wait for it."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Begin without any. ``now``: seconds of a clock that never goes back."""
        self._now = now
        self._known: dict[tuple[str, str], Provider] = {}
        self._failed: dict[tuple[str, str], tuple[float, ProviderTrouble]] = {}
        self._guards: dict[tuple[str, str], threading.Lock] = {}
        self._guard = threading.Lock()

    def provider(self, spec: ProviderSpec) -> Provider:
        """Return a provider, from memory where that is fresh.

        Raises:
            ProviderTrouble: it cannot be reached, and was not reached lately; or what it says cannot be used.
        """
        return self._looked_up(spec, FRESH)

    def again(self, spec: ProviderSpec) -> Provider:
        """Return a provider with its newest keys: a token names one that is not known. Raises as :meth:`provider`."""
        return self._looked_up(spec, AGAIN)

    def _looked_up(self, spec: ProviderSpec, fresh: float) -> Provider:
        name = (spec.id, spec.issuer)
        with self._guard:
            guard = self._guards.setdefault(name, threading.Lock())
        if not guard.acquire(timeout=PATIENCE):
            raise ProviderTrouble(Problem.AWAY, "another request waits for it")
        try:
            known = self._known.get(name)
            if known is not None and self._now() - known.at < fresh:
                return known
            return self._fetch(spec, name, known)
        finally:
            guard.release()

    def _fetch(self, spec: ProviderSpec, name: tuple[str, str], known: Provider | None) -> Provider:
        since, trouble = self._failed.get(name, (-REST, None))
        if trouble is None or self._now() - since > REST:
            try:
                self._known[name] = _fetched(spec, self._now())
            except ProviderTrouble as error:
                self._failed[name], trouble = (self._now(), error), error
            else:
                self._failed.pop(name, None)
                return self._known[name]
        if known is None or trouble.problem is not Problem.AWAY or self._now() - known.at > STALE:
            raise ProviderTrouble(trouble.problem, trouble.detail)
        return known


def _fetched(spec: ProviderSpec, now: float) -> Provider:
    with ProviderSession() as session:
        told = _asked(session, f"{spec.issuer.rstrip('/')}{_WELL_KNOWN}")
        if told.get("issuer") != spec.issuer:
            raise ProviderTrouble(Problem.UNTRUSTED, "issuer")
        for name in _ENDPOINTS:
            if not isinstance(told.get(name), str) or not sealed_or_here(told[name]):
                raise ProviderTrouble(Problem.UNTRUSTED, name)
        userinfo = told.get("userinfo_endpoint")
        if userinfo is not None and not (isinstance(userinfo, str) and sealed_or_here(userinfo)):
            raise ProviderTrouble(Problem.UNTRUSTED, "userinfo_endpoint")
        challenges = told.get("code_challenge_methods_supported")
        if isinstance(challenges, list) and "S256" not in challenges:
            raise ProviderTrouble(Problem.UNTRUSTED, "code_challenge_methods_supported")
        keys = _asked(session, told["jwks_uri"])
    try:
        return Provider(told, tuple(jwt.PyJWKSet.from_dict(keys).keys), now)
    except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
        raise ProviderTrouble(Problem.UNTRUSTED, "jwks_uri") from error


def _asked(session: ProviderSession, address: str) -> dict[str, Any]:
    try:
        answer = session.get(address)
    except requests.RequestException as error:
        raise ProviderTrouble(Problem.AWAY, "it cannot be reached") from error
    if answer.status_code >= 500:
        raise ProviderTrouble(Problem.AWAY, f"it answers {answer.status_code}")
    try:
        told = answer.json()
    except ValueError as error:
        raise ProviderTrouble(Problem.UNTRUSTED, "it answers no JSON") from error
    if answer.status_code != 200 or not isinstance(told, dict):
        raise ProviderTrouble(Problem.UNTRUSTED, f"it answers {answer.status_code}")
    return told


DIRECTORY = Directory()
"""The providers of this process."""

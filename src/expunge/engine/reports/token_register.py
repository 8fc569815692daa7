"""Tokens of programs: issue, revoke, list."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

from expunge.core.journal.access_tokens import SECRET_BYTES, Token, TokenIssued, TokenRevoked, TokenScope, digest_of, fold_tokens, text_of
from expunge.engine.kernel.journal_streams import TOKENS, read_register, register
from expunge.errors import UsageError
from expunge.ports.clock import Clock
from expunge.ports.journal import Journal

LONGEST = timedelta(days=3650)
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")


def issue(
    journal: Journal, clock: Clock, random: Callable[[int], bytes], name: str, scope: TokenScope, lasts: timedelta
) -> tuple[Token, str]:
    """Issue a token; returns it and its text, which is kept nowhere.

    Raises UsageError for a name that is none or is taken by a token that works, and for a time that is none or longer than ten years.
    """
    if not _NAME.fullmatch(name):
        message = "a token is named by 1 to 64 lower-case letters, digits, '_', '.' and '-'"
        raise UsageError(message, help="name the program that will use it: airflow-prod")
    if not timedelta(0) < lasts <= LONGEST:
        message = "a token lasts between one day and ten years"
        raise UsageError(message, help="say --days 90")
    now = clock.now()
    if any(each.name == name and each.works(now) for each in known(journal).values()):
        message = f"there is a token named {name} that works"
        raise UsageError(message, help=f"revoke it first: `expunge token revoke {name}`, or choose another name")
    token = random(6).hex()
    text = text_of(token, random(SECRET_BYTES))
    issued = TokenIssued(now, token, name, scope, digest_of(text), now + lasts)
    register(journal, TOKENS, issued)
    return Token(token, name, scope, issued.digest, now, issued.until), text


def revoke(journal: Journal, clock: Clock, which: str) -> Token:
    """Revoke a token by its name or id; the door is shut within a second. Raises UsageError when no token of that name works."""
    now = clock.now()
    found = [each for each in known(journal).values() if which in (each.name, each.id) and each.works(now)]
    if not found:
        message = "no token of that name or id works"
        raise UsageError(message, help="`expunge token list` shows them")
    register(journal, TOKENS, *(TokenRevoked(now, each.id) for each in found))
    return found[0]


def known(journal: Journal) -> dict[str, Token]:
    """Return every token ever issued, by id, oldest first."""
    return fold_tokens(read_register(journal, TOKENS))

"""What the clerk answers the company's app with: its tokens, its requests that are under way, and the orders about its customers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from expunge.adapters.credentials.hand_over_jwt import JwtHandOverTokens
from expunge.adapters.database.app_tables_django import DjangoAppTables
from expunge.adapters.database.webhooks_django import DjangoWebhookLedger
from expunge.adapters.host.secret_file import read_secret
from expunge.adapters.outbound.webhook_http import HttpWebhooks
from expunge.bootstrap.accounts.family_names import family_names
from expunge.core.families.app_access import SAID_TYPE, TYPE, AppFault
from expunge.core.journal.access_tokens import Token, TokenRefused, TokenScope, admit
from expunge.core.values.ids import Pseudonym
from expunge.engine.apps.app_tokens import AppRules, AppTokens
from expunge.engine.apps.webhooks import Webhooks
from expunge.engine.kernel.context import Context
from expunge.engine.kernel.journal_streams import TOKENS
from expunge.engine.reports import token_register
from expunge.engine.requests.notices import NoticeIndex
from expunge.errors import AppRefused, Misconfigured, SenderRefused
from expunge.ports.families.app_tables import AppTables


class RequestsUnderWay:
    """The requests of apps that this process carries out just now. Safe between threads."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._keys: set[bytes] = set()

    @contextmanager
    def only(self, key: bytes) -> Iterator[None]:
        """Carry out the one request of a key for the length of a block. Raises AppRefused while another thread does."""
        with self._guard:
            if key in self._keys:
                message = "the same request is being carried out"
                raise AppRefused(message, help="send it again in a moment, with the same key", reason=AppFault.UNDER_WAY.value)
            self._keys.add(key)
        try:
            yield
        finally:
            with self._guard:
                self._keys.discard(key)


@dataclass(frozen=True)
class AppParts:
    """See the module. Threads may share it."""

    tokens: AppTokens | None
    """None for a map whose company offers no app."""
    tables: AppTables
    orders: NoticeIndex
    clients: AppClients
    under_way: RequestsUnderWay
    webhooks: Webhooks | None
    """None for a map whose company offers no app."""

    @classmethod
    def of(
        cls,
        context: Context,
        alias: str,
        orders: NoticeIndex,
        under_way: RequestsUnderWay,
        account_of: Callable[[Sequence[Pseudonym], str], str],
    ) -> AppParts:
        """Compose them over a state that is open.

        Args:
            context: the composition.
            alias: that of its database.
            orders: what is known of them in memory.
            under_way: the requests that this process carries out.
            account_of: as :class:`expunge.engine.apps.app_tokens.AppTokens` takes it.
        """
        spec, tables, clients = context.data_map.accounts, DjangoAppTables(alias), AppClients(context)
        tokens, webhooks = None, None
        if spec is not None and spec.app is not None and spec.handover is not None:
            names = family_names(lambda: context.data_map, context.keys.pseudonym_key)
            statements = JwtHandOverTokens(spec.handover, spec.origin, TYPE)
            events = JwtHandOverTokens(spec.handover, spec.origin, SAID_TYPE)
            rules = AppRules(spec.app, spec.handover, statements, events)
            key = context.keys.pseudonym_key
            tokens = AppTokens(rules, names, tables, clients.works, key, context.clock, context.random, account_of)
            courier = HttpWebhooks(lambda hook: read_secret(hook.secret_file, "", "secret", f"the web hook {hook.name}"))
            webhooks = Webhooks(orders, DjangoWebhookLedger(alias), courier, tokens.handle_of, context.clock)
        return cls(tokens, tables, orders, clients, under_way, webhooks)

    def require_tokens(self) -> AppTokens:
        """Return what checks tokens. Raises Misconfigured for a map whose company offers no app."""
        if self.tokens is None:
            raise Misconfigured("the map sets up no app", help="add accounts.app beside accounts.handover to the map")
        return self.tokens


class AppClients:
    """The tokens of apps' servers, as the register of tokens has them now. Safe between threads."""

    def __init__(self, context: Context) -> None:
        """Read nothing yet."""
        self._journal, self._clock = context.journal, context.clock
        self._guard = threading.Lock()
        self._tokens: dict[str, Token] = {}
        self._length = 0

    def admit(self, header: str) -> Token:
        """Return the token that a header shows. Raises SenderRefused."""
        answer = admit(self._known(), header, TokenScope.FAMILIES, self._clock.now())
        if isinstance(answer, TokenRefused):
            help_ = "send Authorization: Bearer TOKEN, of `expunge token issue NAME --scope families`"
            raise SenderRefused(answer.value, help=help_, reason=answer.name)
        return answer

    def works(self, client: str) -> bool:
        """Return whether an app's own token still counts, by its id."""
        found = self._known().get(client)
        return found is not None and found.works(self._clock.now())

    def _known(self) -> dict[str, Token]:
        with self._guard:
            length = self._journal.length(TOKENS)
            if length != self._length:
                self._tokens, self._length = token_register.known(self._journal), length
            return self._tokens

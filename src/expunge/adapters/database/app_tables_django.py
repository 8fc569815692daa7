"""Access by the company's app in the state database: SQLite or PostgreSQL."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction

from expunge.adapters.state.configuration import ensure_django
from expunge.adapters.state.explained import explained
from expunge.core.accounts.app_spec import AppScope
from expunge.core.values.ids import Pseudonym
from expunge.errors import AlreadyThere
from expunge.faults import failpoint
from expunge.ports.families.app_tables import ACTS_KEPT, AppRequest, AppTokenRecord

ensure_django()  # a model class can be made only after it

from expunge.adapters.state.models import AppLoginEndRow, AppRequestRow, AppStatementRow, AppTokenRow  # noqa: E402

_READ = "the app's tokens could not be read"
_WRITTEN = "the app's tokens could not be written"


class DjangoAppTables:
    """Implements ``expunge.ports.families.app_tables.AppTables``.

    Its database was opened by :func:`expunge.adapters.database.journal_django.open_journal`.
    """

    def __init__(self, alias: str) -> None:
        """``alias``: that of the database."""
        self._alias = alias

    def issue(self, record: AppTokenRecord, use: bytes, use_until: datetime, now: datetime) -> bool:
        """See the port."""
        with explained(_WRITTEN, self._alias), transaction.atomic(using=self._alias):
            for old in (AppTokenRow, AppStatementRow, AppLoginEndRow):
                old.objects.using(self._alias).filter(until__lte=now).delete()
            try:
                with transaction.atomic(using=self._alias):
                    AppStatementRow.objects.using(self._alias).create(use=use, until=use_until)
            except IntegrityError:
                raise AlreadyThere("this statement was used already", help="sign a new one for each exchange") from None
            AppTokenRow.objects.using(self._alias).create(
                digest=record.digest,
                client=record.client,
                login=record.login,
                families=" ".join(record.families),
                scopes=" ".join(sorted(record.scopes)),
                authenticated_at=record.authenticated_at,
                until=record.until,
                key=record.key,
                account=record.account,
            )
            # Why after the token: of an end that comes at the same time, one of the two sees the other.
            if AppLoginEndRow.objects.using(self._alias).filter(login=record.login).exists():
                AppTokenRow.objects.using(self._alias).filter(digest=record.digest).delete()
                return False
            failpoint("app.issue.commit:before")
        # commit point: the token counts, and its statement counts no more.
        failpoint("app.issue.commit:after")
        return True

    def token(self, digest: bytes) -> AppTokenRecord | None:
        """See the port."""
        with explained(_READ, self._alias):
            row = AppTokenRow.objects.using(self._alias).filter(digest=digest).first()
            # Why here too: an end that came while the token was issued may not have seen it.
            if row is None or AppLoginEndRow.objects.using(self._alias).filter(login=bytes(row.login)).exists():
                return None
        return AppTokenRecord(
            bytes(row.digest),
            row.client,
            bytes(row.login),
            tuple(map(Pseudonym, row.families.split(" "))),
            frozenset(map(AppScope, row.scopes.split(" "))),
            row.authenticated_at,
            row.until,
            row.key,
            row.account,
        )

    def end_token(self, digest: bytes) -> bool:
        """See the port."""
        with explained(_WRITTEN, self._alias):
            failpoint("app.token.end:before")
            # commit point: the token.
            ended, _ = AppTokenRow.objects.using(self._alias).filter(digest=digest).delete()
            failpoint("app.token.end:after")
        return bool(ended)

    def end_login(self, login: bytes, until: datetime) -> int:
        """See the port."""
        with explained(_WRITTEN, self._alias), transaction.atomic(using=self._alias):
            AppLoginEndRow.objects.using(self._alias).update_or_create(login=login, defaults={"until": until})
            ended, _ = AppTokenRow.objects.using(self._alias).filter(login=login).delete()
            failpoint("app.login.end.commit:before")
        # commit point: the login.
        failpoint("app.login.end.commit:after")
        return int(ended)

    def begin_request(self, request: AppRequest) -> AppRequest | None:
        """See the port."""
        with explained(_WRITTEN, self._alias), transaction.atomic(using=self._alias):
            AppRequestRow.objects.using(self._alias).filter(made_at__lte=request.made_at - ACTS_KEPT).delete()
            row, made = AppRequestRow.objects.using(self._alias).get_or_create(
                key=request.key, defaults={"request": request.request, "made_at": request.made_at, "answer": ""}
            )
            failpoint("app.request.commit:before")
        # commit point: the key means this request.
        failpoint("app.request.commit:after")
        return None if made else AppRequest(bytes(row.key), bytes(row.request), row.made_at, row.answer)

    def finish_request(self, key: bytes, answer: str) -> None:
        """See the port."""
        with explained(_WRITTEN, self._alias):
            failpoint("app.request.finish:before")
            # commit point: the same request is answered with it.
            AppRequestRow.objects.using(self._alias).filter(key=key).update(answer=answer)
            failpoint("app.request.finish:after")

    def drop_request(self, key: bytes) -> None:
        """See the port."""
        with explained(_WRITTEN, self._alias):
            failpoint("app.request.drop:before")
            AppRequestRow.objects.using(self._alias).filter(key=key, answer="").delete()
            failpoint("app.request.drop:after")

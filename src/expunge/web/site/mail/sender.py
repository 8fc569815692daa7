"""The sender of mail: a thread of each web process. A lease on each message keeps two processes from sending one at a time.

A message is sent at least once: a process that dies between the server's answer and the end of the row leaves the row, and the next sender
hands the message over again. Its Message-ID stays the same, by which mail servers and readers know it again.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import DatabaseError, connections, transaction
from django.db.models import Q, QuerySet

from expunge import clock
from expunge.errors import ExpungeError, SealInvalid, Undelivered
from expunge.faults import failpoint
from expunge.ports.accounts.sealed_fields import SealedFields
from expunge.web.site.mail.addresses import TroubleKind, drop_old, note_trouble
from expunge.web.site.mail.mail_server import Handover, MailServer, MailSession, Reply
from expunge.web.site.mail.models import MailTrouble, SentMail, WaitingMail
from expunge.web.site.mail.outbox import AWAKE
from expunge.web.site.mail.sealed_message import open_letter

LEASE = timedelta(minutes=2)
"""For so long a message is one sender's. Longer than the server may take for it: five answers of ten seconds."""
FIRST_RETRY, LAST_RETRY = timedelta(seconds=30), timedelta(hours=2)
"""The second attempt comes after the first, each later one after twice as long, up to the last. A day ends them all."""
_FIRST_PAUSE, _LAST_PAUSE = 2.0, 300.0
"""Seconds between attempts to reach a server that is away; twice as long each time."""
_AT_ONCE = 50
_LOOK = 2.0
"""Seconds between looks for messages of other processes, and for those whose next attempt has come."""
_TIDY = timedelta(hours=1)


class MailSender:
    """Sends what waits in the outbox, one message at a time, until it is stopped."""

    def __init__(
        self, server: MailServer, fields: SealedFields, count: Callable[[str], None], tell: Callable[[str], None], look: float = _LOOK
    ) -> None:
        """Take the mail server and the keeper.

        Args:
            server: where messages go.
            fields: opens them.
            count: called with the outcome of each attempt: *taken*, *later*, *refused*, *unsent*.
            tell: tells the operator, once, why mail does not go out.
            look: seconds between two looks at the outbox.
        """
        self._server, self._fields, self._count, self._tell, self._look = server, fields, count, tell, look
        self._id = uuid.uuid4()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mail", daemon=True)
        self._told = ""
        self._pause = 0.0
        self._tidied: datetime | None = None

    def start(self) -> None:
        """Begin, after the process has forked."""
        self._thread.start()

    def stop(self, within: float = 5.0) -> None:
        """End, and wait so many seconds for the message that is under way."""
        self._ended.set()
        AWAKE.set()
        self._thread.join(within)

    @property
    def alive(self) -> bool:
        """Return whether the thread runs."""
        return self._thread.is_alive()

    def _run(self) -> None:
        while not self._ended.is_set():
            # Why before: a message that comes during the pass wakes the thread again.
            AWAKE.clear()
            try:
                more = self.send_due()
                self._pause, self._told = 0.0, ""
            except (ExpungeError, DatabaseError, OSError) as error:
                more = False
                self._pause = min(max(_FIRST_PAUSE, self._pause * 2), _LAST_PAUSE)
                self._complain(error)
                connections.close_all()
            if self._pause:
                self._ended.wait(self._pause)
            elif not more:
                AWAKE.wait(self._look)
        connections.close_all()

    def send_due(self) -> bool:
        """Try each message that is due, and return whether more may be.

        Raises:
            Undelivered: the mail server is away. Messages keep their attempts.
            KeeperAway, DatabaseError: nothing can be read now.
        """
        self._give_up()
        now = clock.now()
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        due = list(WaitingMail.objects.filter(free, due__lte=now).order_by("due").values_list("pk", flat=True)[:_AT_ONCE])
        if due:
            with self._server.session() as session:
                for mail in due:
                    if self._ended.is_set():
                        return False
                    self._send(session, mail)
        return len(due) == _AT_ONCE

    def _send(self, session: MailSession, mail: uuid.UUID) -> None:
        now = clock.now()
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        if not WaitingMail.objects.filter(free, pk=mail, ends__gt=now).update(lease=self._id, leased_until=now + LEASE):
            return
        row = self._mine(mail).first()
        if row is None:
            return
        try:
            letter = open_letter(self._fields, mail, bytes(row.key), bytes(row.body))
            failpoint("mail.send.hand:before")
            reply = session.hand_over(mail, letter)
            failpoint("mail.send.hand:after")
        except SealInvalid:
            self._end(row, Reply(Handover.REFUSED))
            raise
        except Undelivered:
            # Why an attempt: a message at which the server goes away each time must not keep the others waiting.
            self._end(row, Reply(Handover.LATER))
            raise
        except ExpungeError:
            self._mine(mail).update(lease=None, leased_until=None)
            raise
        self._end(row, reply)

    def _end(self, row: WaitingMail, reply: Reply) -> None:
        """Write down the outcome. Nothing is written where another sender took the message meanwhile."""
        self._count(reply.outcome.value)
        if reply.outcome is Handover.LATER:
            attempts = row.attempts + 1
            due = clock.now() + min(FIRST_RETRY * 2 ** min(row.attempts, 12), LAST_RETRY)
            self._mine(row.pk).update(attempts=attempts, due=due, lease=None, leased_until=None)
            return
        with transaction.atomic():
            if not self._mine(row.pk).delete()[0] or not row.recipient:
                return
            if reply.outcome is Handover.REFUSED:
                note_trouble(row.recipient, TroubleKind.REFUSED, reply.status)
                return
            SentMail.objects.get_or_create(pk=row.pk, defaults={"recipient": row.recipient, "sent": clock.now()})
            # Why a bounce stays: a server that takes mail may return it again.
            MailTrouble.objects.filter(recipient=row.recipient).exclude(kind=TroubleKind.BOUNCED.value).delete()

    def _mine(self, mail: uuid.UUID) -> QuerySet[WaitingMail]:
        return WaitingMail.objects.filter(pk=mail, lease=self._id)

    def _give_up(self) -> None:
        """Drop messages whose time is over: a code that has ended is not sent."""
        now = clock.now()
        free = Q(leased_until=None) | Q(leased_until__lt=now)
        for mail, recipient in WaitingMail.objects.filter(free, ends__lte=now).values_list("pk", "recipient")[:_AT_ONCE]:
            with transaction.atomic():
                if WaitingMail.objects.filter(free, pk=mail).delete()[0]:
                    note_trouble(recipient, TroubleKind.UNSENT, "")
                    self._count("unsent")
        if self._tidied is None or now - self._tidied > _TIDY:
            drop_old()
            self._tidied = now

    def _complain(self, error: Exception) -> None:
        message = f"{error.message}; {error.help}" if isinstance(error, ExpungeError) else "the accounts' database does not answer"
        if message != self._told:
            self._told = message
            self._tell(f"mail waits: {message}")

"""The outbox in a PostgreSQL database: the same messages, each sent once by several processes, and readiness of its tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.web.site.mail.post_office import office

SENDING = "mail = sender(); mail.start()\nwhile WaitingMail.objects.count(): time.sleep(0.02)\nmail.stop(); answer(counted)"


@pytest.mark.soak
def test_two_processes_send_each_message_once(database: str, tmp_path: Path) -> None:
    with office(tmp_path, database) as desk, desk.postmaster.listening():
        desk.postmaster.answers = {"RCPT p3@family.example": "550 5.1.1 no"}
        code = """
            for number in range(30): put(f"p{number}@family.example")
            from expunge.web.site.application import migrated
            answer([WaitingMail.objects.count(), migrated()])
        """
        assert desk.run(code) == [30, True]
        counts = [taken.count("taken") for taken in desk.run_by_two(SENDING)]
        sent = sorted(recipient for recipients, _ in desk.postmaster.mails for recipient in recipients)
        assert sent == sorted(f"p{number}@family.example" for number in range(30) if number != 3)
        assert sum(counts) == 29
        assert desk.run("answer([addresses.trouble_of('p3@family.example').kind, SentMail.objects.count()])") == ["refused", 29]

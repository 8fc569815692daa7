"""Letters through a keeper: only for who may have keys used, and with the same answers as in its own process."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge import clock
from expunge.adapters.keeper import answers
from expunge.adapters.keeper.answers import Answer
from expunge.adapters.keeper.families.keeper_letters import KeeperLetters
from expunge.adapters.keeper.families.letter_requests import DeliverLetter, LetterDesk, ReadersOf, WriteNotice
from expunge.adapters.keeper.peers import Right
from expunge.adapters.keeper.place import KeeperPlace
from expunge.adapters.keeper.requests import Request
from expunge.core.journal.notice_events import LetterResult, NoticeKind
from expunge.core.values import canonical
from expunge.errors import ExpungeError, UsageError
from expunge.ports.accounts.letters import Letter
from tests.engine.requests.test_family_letters import AT, FAMILY, Scene, scene_in


class Wire:
    """Stands for the socket: what goes over it is written and read as frames are."""

    def __init__(self, scene: Scene) -> None:
        self.handlers = LetterDesk(lambda: scene.letters, lambda: scene.letters._delivery).handlers()

    def ask(self, request: Request, body: bytes = b"") -> Answer:
        read = type(request).read(canonical.decode(canonical.encode(request.head())))
        assert len(body) <= request.most_body
        try:
            frame = self.handlers[type(request)](None, read, body).frame()
        except ExpungeError as error:
            frame = answers.error_frame(error)
        return answers.read(frame)


def test_a_process_with_the_right_writes_and_hears_what_became_of_it(tmp_path: Path) -> None:
    with scene_in(tmp_path) as scene:
        letters, wire = KeeperLetters(KeeperPlace(tmp_path, tmp_path)), Wire(scene)
        letters._connections = wire
        mother = scene.member("es")
        assert [(each.account, each.since) for each in letters.readers(FAMILY)] == [(mother, AT)]
        assert letters.write(mother, FAMILY, NoticeKind.IN_PART, AT, "key") is LetterResult.TAKEN
        assert "terminó una parte" in scene.sink.last()
        assert letters.deliver(Letter("a@example.org", "Subject", "text", "")) is LetterResult.TAKEN
        scene.sink.refuse = "550 no"
        assert letters.deliver(Letter("a@example.org", "Subject", "text", "")) is LetterResult.REFUSED
        with pytest.raises(UsageError):
            wire.ask(WriteNotice(str(mother), FAMILY, "party", clock.now().isoformat(), "key"))
        for body in (b"", b"[]", b'{"to": "a@example.org"}', b'{"to": 1, "subject": "", "text": "", "html": "", "key": ""}'):
            with pytest.raises(UsageError):
                wire.ask(DeliverLetter(), body)


@pytest.mark.parametrize("kind", [ReadersOf, WriteNotice, DeliverLetter])
def test_no_server_may_ask_for_letters(kind: type[Request]) -> None:
    assert kind.needs is Right.KEYS

"""Web hooks over a real receiver: signed, at least once, retried for a day, and kept waiting by nothing that it does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from expunge.adapters.database.journal_django import DjangoJournal
from expunge.adapters.database.webhooks_django import DjangoWebhookLedger
from expunge.adapters.outbound.webhook_http import HttpWebhooks
from expunge.bootstrap import Expunge
from expunge.core.accounts.app_spec import WebhookSpec
from expunge.core.families.app_access import family_handle
from expunge.core.orders.webhooks import TRIED_FOR
from expunge.core.values.ids import OrderId
from expunge.engine.apps.webhooks import WebhookRound, Webhooks
from expunge.engine.requests.notices import NoticeIndex
from expunge.errors import KeystoreLocked
from expunge.faults import ReplyLost, arm
from tests.engine.apps.receiver import Receiver, receiving
from tests.engine.household import ANNA, BELA, CARA, build

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
WITHIN = 0.4


class Set:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.at = datetime(2031, 5, 2, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    with receiving(tmp_path_factory.mktemp("receiver")) as running:
        yield running


@dataclass
class Scene:
    """An installation with a web hook, whose clock the test sets."""

    opened: Expunge
    clock: Set
    receiver: Receiver
    hooks: Webhooks
    ledger: DjangoWebhookLedger
    secret: str = SECRET

    def order(self, name: str = ANNA) -> OrderId:
        return self.opened.order_erase([self.opened.resolve(f"profile:{name}")]).order

    def tell(self, how: str = "ok") -> WebhookRound:
        return self.hooks.tell(WebhookSpec("app", f"{self.receiver.url}/{how}", "secret"))

    def came(self, start: int) -> list[tuple[str, str]]:
        """(type, order) of each message that came since a place."""
        bodies = [json.loads(each["body"]) for each in self.receiver.taken[start:]]
        return [(each["type"], each["data"]["order"]) for each in bodies]


@pytest.fixture
def scene(tmp_path: Path, receiver: Receiver) -> Iterator[Scene]:
    clock = Set()
    with Expunge.open(build(tmp_path).map, clock=clock) as opened:
        context = opened.context
        assert isinstance(context.journal, DjangoJournal)
        ledger = DjangoWebhookLedger(context.journal.alias)
        key = context.keys.pseudonym_key()
        courier = HttpWebhooks(lambda _: made.secret, WITHIN)
        hooks = Webhooks(NoticeIndex(context), ledger, courier, lambda family: family_handle(key, family), context.clock)
        made = Scene(opened, clock, receiver, hooks, ledger)
        made.order(BELA)
        # From the first round on: what was before is not told.
        clock.at += timedelta(hours=1)
        assert made.tell() == WebhookRound()
        clock.at += timedelta(hours=1)
        yield made


def test_each_step_is_told_once_signed_and_without_a_name(scene: Scene) -> None:
    start = len(scene.receiver.taken)
    order = scene.order()
    assert scene.tell() == WebhookRound(taken=1)
    scene.clock.at += timedelta(minutes=1)
    scene.opened.order_cancel(order)
    assert scene.tell() == WebhookRound(taken=1)
    assert scene.tell() == WebhookRound()
    assert scene.came(start) == [("order.received", order), ("order.cancelled", order)]
    (subject,) = scene.opened.status(order).subjects
    for each in scene.receiver.taken[start:]:
        headers, body = each["headers"], each["body"]
        signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
        expected = base64.b64encode(hmac.new(base64.b64decode(SECRET.removeprefix("whsec_")), signed, hashlib.sha256).digest())
        assert headers["webhook-signature"] == f"v1,{expected.decode()}"
        assert headers["content-type"] == "application/json"
        assert ANNA not in body
        assert subject not in body
        assert json.loads(body)["data"]["families"] == [family_handle(scene.opened.context.keys.pseudonym_key(), subject)]
    assert scene.ledger.listed() == ()


@pytest.mark.parametrize(
    ("how", "fault"),
    [("fails", "answered 500"), ("redirects", "answered 307"), ("hangs", "no answer"), ("drips", "no answer")],
)
def test_a_receiver_that_does_not_take_it_is_asked_again(scene: Scene, how: str, fault: str) -> None:
    start, began = len(scene.receiver.taken), time.monotonic()
    scene.order()
    assert scene.tell(how) == WebhookRound(failed=1)
    assert time.monotonic() - began < WITHIN + 2
    (message,) = scene.ledger.listed()
    assert message.fault.startswith(fault)
    assert scene.tell() == WebhookRound()
    scene.clock.at += timedelta(seconds=20)
    assert scene.tell() == WebhookRound(taken=1)
    tried = scene.receiver.taken[start:]
    assert [each["path"] for each in tried] == [f"/{how}", "/ok"]
    assert len({each["headers"]["webhook-id"] for each in tried}) == 1


def test_an_answer_without_end_is_not_read(scene: Scene) -> None:
    began = time.monotonic()
    scene.order()
    assert scene.tell("huge") == WebhookRound(taken=1)
    assert time.monotonic() - began < 2


def test_one_that_does_not_answer_ends_the_round(scene: Scene) -> None:
    scene.order()
    scene.clock.at += timedelta(minutes=1)
    scene.order(CARA)
    start = len(scene.receiver.taken)
    assert scene.tell("fails") == WebhookRound(failed=1)
    assert len(scene.receiver.taken) == start + 1


def test_after_a_day_it_is_given_up_listed_and_tried_again_when_asked(scene: Scene) -> None:
    order, start = scene.order(), len(scene.receiver.taken)
    until = scene.clock.at + TRIED_FOR + timedelta(hours=5)
    while scene.clock.at < until:
        scene.tell("fails")
        scene.clock.at += timedelta(minutes=10)
    tries = len(scene.receiver.taken) - start
    assert 8 <= tries <= 20
    (message,) = scene.opened.webhooks.waiting()
    assert (message.order, message.dead, message.tries) == (order, True, tries)
    assert scene.tell() == WebhookRound()
    assert scene.opened.webhooks.retry() == 1
    assert scene.tell() == WebhookRound(taken=1)
    assert scene.opened.webhooks.waiting() == ()


def test_a_crash_after_it_was_taken_sends_it_once_more_under_the_same_id(scene: Scene) -> None:
    scene.order()
    start = len(scene.receiver.taken)
    with arm("webhooks.tried:before", "lost"), pytest.raises(ReplyLost):
        scene.tell()
    assert scene.tell() == WebhookRound(taken=1)
    tried = scene.receiver.taken[start:]
    assert len(tried) == 2
    assert len({each["headers"]["webhook-id"] for each in tried}) == 1


def test_a_secret_that_is_not_there_waits_and_is_told(scene: Scene) -> None:
    scene.order()
    scene.secret = "no secret"
    start = len(scene.receiver.taken)
    assert scene.tell() == WebhookRound(failed=1)
    (message,) = scene.ledger.listed()
    assert "whsec_" in message.fault
    assert "no secret" not in message.fault
    assert len(scene.receiver.taken) == start


def test_a_file_that_cannot_be_read_says_so(scene: Scene) -> None:
    def away(_: WebhookSpec) -> str:
        raise KeystoreLocked("the secret cannot be read from FILE", help="")

    scene.order()
    hooks = Webhooks(NoticeIndex(scene.opened.context), scene.ledger, HttpWebhooks(away), str, scene.opened.context.clock)
    hooks.tell(WebhookSpec("app", f"{scene.receiver.url}/ok", "FILE"))
    assert [each.fault for each in scene.ledger.listed()] == ["the secret cannot be read from FILE"]

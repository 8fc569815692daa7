"""A family allows, denies and bars looks of staff on its pages, reads who looked at once, and takes a receipt that holds without them."""

from __future__ import annotations

import io
import re
import zipfile

import pytest

from expunge.bootstrap import Expunge
from expunge.core.accounts.asks import Ask, AskKind
from expunge.core.journal.review_words import ReviewPurpose
from expunge.core.review import view_verify
from expunge.engine.review.refusals import ReviewRefused
from expunge.errors import ChallengeEnded, IllegalTransition, NotPermitted, ProofRefused, UsageError
from tests.web.site import looks_company
from tests.web.site.deciders import apart
from tests.web.site.family_company import Guardian, guardian
from tests.web.site.http_person import Shown
from tests.web.site.kit import SiteServed
from tests.web.site.test_openings import at_the_clerk
from tests.web.site.test_recordings import raw

MIA = "p-mia", "rec-m1-71835"
EVERY = "every"


def post(one: Guardian, path: str, **values: str) -> Shown:
    return one.person.post(path, **values)


@pytest.mark.duty("RNG-12")
def test_the_next_look_is_denied_on_the_page_that_told_of_the_first(served_family: SiteServed) -> None:
    folder = served_family.folder
    one = guardian(served_family, "words@home.example", "p-mia")
    base = one.go()
    assert "No request waits for you." in one.person.get(f"{base}reviews/").words
    request = looks_company.ask(folder, *MIA)
    assert "1 request to look at a recording waits for your word." in one.person.get(base).words
    page = one.person.get(f"{base}reviews/")
    for told in (
        "Waits for your word",
        "LE-88, a question to the help desk",
        "0:00 to 0:09",
        "coarse blocks without colour, voices changed",
        "A voice recording",
    ):
        assert told in page.words, told
    assert "rec-m1" not in page.text
    assert "p-mia" not in page.text
    with pytest.raises(ReviewRefused):
        looks_company.look(folder, request)
    asked = post(one, f"{base}reviews/answer/", request=request, word="allow")
    assert asked.path == "/account/confirm/"
    assert "Let a person of the company look" in asked.words
    with pytest.raises(ReviewRefused):
        looks_company.look(folder, request)
    one.confirm()
    assert one.person.last is not None
    assert "Allowed. You can still deny it." in one.person.last.words
    lease = looks_company.look(folder, request)
    assert "A person may look right now" in one.person.get(f"{base}reviews/").words
    assert "A person of the company asks to look at a recording" in one.person.get(f"{base}notices/").words
    assert "You said no." in post(one, f"{base}reviews/answer/", request=request, word="deny").words
    assert not looks_company.goes_on(folder, lease)
    with pytest.raises(ReviewRefused):
        looks_company.look(folder, request)
    again = looks_company.ask(folder, *MIA, number=89)
    assert "You said no." in post(one, f"{base}reviews/answer/", request=again, word="deny").words
    with pytest.raises(ReviewRefused):
        looks_company.look(folder, again)
    assert "does not wait for you any more" in post(one, f"{base}reviews/answer/", request="0" * 16, word="deny").words
    reads(served_family, one, base, lease)


def reads(served: SiteServed, one: Guardian, base: str, lease: str) -> None:
    """The family reads who looked, and its receipt holds."""
    assert one.person.get(f"{base}reviews/?each=1").path == "/account/confirm/"
    one.confirm()
    page = one.person.get(f"{base}reviews/")
    assert re.search(rf'href="{base}play/[0-9a-f]+/"', page.text)
    looked = one.person.get(f"{base}looked/")
    for told in (
        "A person of the company (a reviewer) : your family agreed to it",
        "4 seconds",
        "Case LE-88: a question to the help desk.",
        "Your family allowed it.",
    ):
        assert told in looked.words, told
    assert "The time for looking was over" in looked.words or "Your family had not agreed to it." in looked.words
    assert "desk-" not in looked.text
    _, headers, data = raw(one.person, f"{base}looked/{lease}/receipt/")
    assert headers["Content-Disposition"] == f'attachment; filename="look-{lease}.zip"'
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name.partition("/")[2]: archive.read(name) for name in archive.namelist() if "/" in name}
        assert "names no person" in archive.read(next(name for name in archive.namelist() if "/" not in name)).decode()

    def published() -> bytes:
        with Expunge.open(served.folder / "expunge.yaml") as opened:
            return opened.published_policy().encode()

    found = view_verify.verify(files, apart(published))
    assert (found.trusted, found.seconds, len(found.views)) == (True, 4, 2)
    assert one.person.get(f"{base}looked/{'0' * 16}/receipt/").path == f"{base}looked/"


@pytest.mark.duty("RNG-12")
def test_a_bar_is_given_by_one_press_and_ended_by_a_credential(served_family: SiteServed) -> None:
    folder = served_family.folder
    one = guardian(served_family, "bars@home.example", "p-mia")
    base = one.go()
    request = looks_company.ask(folder, *MIA, number=90)
    one.person.get(f"{base}reviews/")
    asked = post(one, f"{base}reviews/answer/", request=request, word="allow")
    assert asked.path == "/account/confirm/"
    one.confirm()
    lease = looks_company.look(folder, request)
    page = post(one, f"{base}reviews/bar/")
    assert "Barred. No person looks" in page.words
    assert "All recordings" in page.words
    assert not looks_company.goes_on(folder, lease)
    barred = looks_company.ask(folder, *MIA, number=91)
    assert "So no person does." in one.person.get(f"{base}reviews/").words
    with pytest.raises(ReviewRefused):
        looks_company.look(folder, barred)
    told = looks_company.ask(folder, *MIA, ReviewPurpose.HARM, number=92)
    looks_company.look(folder, told)
    page = one.person.get(f"{base}reviews/")
    assert "The company wants to keep harm or a loss away." in page.words
    assert post(one, f"{base}reviews/bar/", end=EVERY).path == "/account/confirm/"
    assert "All recordings" in one.person.get(f"{base}reviews/").words, "it stands until it is confirmed"
    post(one, f"{base}reviews/bar/", end=EVERY)
    one.confirm()
    assert one.person.last is not None
    assert "The bar is ended." in one.person.last.words
    post(one, f"{base}reviews/bar/", request=barred)
    assert "Barred" in one.person.get(f"{base}reviews/").words
    one.person.get(f"{base}timeline/")
    one.confirm()
    assert one.person.last is not None
    handle = re.findall(r'data-media="[^"]*/media/([0-9a-f]+)/"', one.person.last.text)[0]
    assert "Bar looks at this recording" in one.person.get(f"{base}play/{handle}/").words
    post(one, f"{base}reviews/bar/", recording=handle)
    assert "no such recording" in post(one, f"{base}reviews/bar/", recording="0" * 32).words
    for bar in set(re.findall(r'name="end" value="([0-9a-z]+)"', one.person.get(f"{base}reviews/").text)):
        post(one, f"{base}reviews/bar/", end=bar)
        one.confirm()
    assert 'name="end"' not in one.person.get(f"{base}reviews/").text


def test_code_in_the_web_process_allows_nothing_without_a_permit_for_that_very_thing(served_family: SiteServed) -> None:
    request = looks_company.ask(served_family.folder, *MIA, number=93)
    with (
        at_the_clerk(served_family, "words.mia@home.example", "p-mia") as mia,
        at_the_clerk(served_family, "words.ada@home.example", "p-ada") as ada,
    ):
        doors, who = mia.doors.reviews, (mia.account, mia.family)
        allow = Ask(AskKind.REVIEW, *who, (("request", request),))
        other = Ask(AskKind.REVIEW, *who, (("request", "0" * 16),))
        end = Ask(AskKind.REVIEW, *who, (("bar", EVERY),))
        hers = Ask(AskKind.REVIEW, ada.account, ada.family, (("request", request),))
        doors.bar(*who)
        for attack in (
            lambda: doors.allow("0" * 43, mia.session, allow),
            lambda: doors.allow(mia.permit(mia.ask), mia.session, allow),
            lambda: doors.allow(mia.permit(end), mia.session, allow),
            lambda: doors.allow(mia.permit(end), mia.session, end),
            lambda: doors.end_bar(mia.permit(allow), mia.session, end),
            lambda: doors.end_bar("0" * 43, mia.session, end),
            lambda: doors.allow(mia.permit(other), mia.session, other),
            lambda: doors.allow(ada.permit(hers), ada.session, hers),
            lambda: doors.deny(ada.account, ada.family, request),
            lambda: doors.deny(ada.account, mia.family, request),
            lambda: doors.bar(ada.account, mia.family),
            lambda: doors.receipt(ada.account, ada.family, ada.session, "0" * 16),
        ):
            with pytest.raises((NotPermitted, ProofRefused, ChallengeEnded, UsageError, IllegalTransition)):
                attack()
        assert doors.reviews(*who, mia.session).all_barred
        assert ada.doors.reviews.reviews(ada.account, ada.family, ada.session).reviews == ()
        doors.end_bar(mia.permit(end), mia.session, end)
        doors.deny(*who, request)
        assert not doors.reviews(*who, mia.session).all_barred

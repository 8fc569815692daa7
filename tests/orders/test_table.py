"""Every other order of the table, each in a small company of its own: the right things go, and the right things stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge.demo.company.outside_search import Search
from tests.orders.worlds import LINEAGE, World, fulfilled, noise

ACCOUNTS = """\
identities:
  account: {dataset: accounts, key: account_id}
datasets:
  accounts: {store: app, table: accounts, subject: {account: account_id}, retention: life, categories: [user.account]}
"""
MODELS = """\
  models:
    store: registry
    path: ["models/{model}.bin", "models/{model}.json"]
    artefact: model
    kind: model
    derived_from: [SOURCES]
    on_erase: {keep: "the business needs its models"}
"""


def models(*sources: str) -> str:
    return MODELS.replace("SOURCES", ", ".join(sources))


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def accounts(world: World, *states: str) -> None:
    rows = [(f"acc-{n}", state, "2019-01-01") for n, state in enumerate(states)]
    world.table("accounts", "account_id TEXT PRIMARY KEY, state TEXT, at TEXT", rows)


@pytest.mark.duty("DSG-01", "DSG-02")
def test_a_harvested_network_goes_with_the_equations_that_came_of_it_and_the_firms_own_people_stay(world: World) -> None:
    accounts(world, "seed", "seed")
    world.table("likes", "account_id TEXT, page TEXT, at TEXT", [(f"acc-{n}", noise(f"like {n}", 40).hex(), "2014") for n in range(2)])
    world.table("traits", "account_id TEXT, score TEXT, at TEXT", [(f"acc-{n}", noise(f"trait {n}", 40).hex(), "2014") for n in range(2)])
    world.table("staff", "person TEXT, at TEXT", [("somebody who works here", "2014")])
    world.file("registry/equations/ocean.txt")
    world.file("registry/segments/persuadable.csv")
    world.file("registry/press/equation-of-the-press-office.txt")
    world.declare(
        ACCOUNTS
        + """\
  likes: {store: app, table: likes, subject: {account: account_id}, retention: life, categories: [user.social]}
  traits: {store: app, table: traits, subject: {account: account_id}, derived_from: [likes], on_erase: erase, retention: life}
  equations: {store: registry, path: "equations/{name}.txt", kind: equation, derived_from: [traits], on_erase: {keep: "our work product"}}
  segments: {store: registry, path: "segments/{name}.csv", kind: segment, derived_from: [equations], on_erase: destroy}
  press: {store: registry, path: "press/{name}.txt", kind: equation, derived_from: [staff], on_erase: destroy}
  staff: {store: app, table: staff, subject: {account: person}, retention: life, categories: [user.job_title]}
"""
    )
    standing, runs = world.carry_out("cambridge-analytica")
    assert fulfilled(runs) == {"covered-information"}
    assert standing.examined[0].items == {"likes": 2, "traits": 2, "equations": 1, "segments": 1}
    assert world.files() == {"registry/press/equation-of-the-press-office.txt"}
    assert world.rows("likes", "page") == world.rows("traits", "score") == []
    assert (len(world.rows("staff", "person")), len(world.rows("accounts", "account_id"))) == (1, 2)


@pytest.mark.duty("DSG-01", "DSG-02")
def test_deactivated_users_lose_their_photos_and_only_faces_without_express_consent_go_with_every_model_made_of_faces(world: World) -> None:
    world.table(
        "accounts",
        "account_id TEXT PRIMARY KEY, state TEXT, face_consent TEXT, at TEXT",
        [("acc-0", "deactivated", None, "2019"), ("acc-1", "active", "express", "2019"), ("acc-2", "active", "", "2019")],
    )
    for n in range(3):
        world.file(f"media/photos/acc-{n}/p-{n}.jpg")
    world.table(
        "faces",
        "face_id TEXT PRIMARY KEY, account_id TEXT, vector BLOB, at TEXT",
        [(f"face-{n}", f"acc-{n}", noise(f"f{n}", 512), "2019") for n in range(3)],
    )
    world.model("grouping", "faces")
    world.model("api", "models/grouping", how="distilled from")
    world.model("battery", "device_logs")
    world.table("device_logs", "account_id TEXT, line TEXT, at TEXT", [("acc-1", noise("battery", 40).hex(), "2019")])
    world.declare(
        ACCOUNTS
        + """\
  photos: {store: media, path: "photos/{account_id}/{photo}.jpg", subject: {account: account_id}, retention: life,
           categories: [user.content.photo]}
  faces: {store: app, table: faces, subject: {account: account_id}, kind: embedding, categories: [user.biometrics.face],
          derived_from: [photos], on_erase: erase, retention: life}
  device_logs: {store: app, table: device_logs, subject: {account: account_id}, retention: life, categories: [user.device]}
"""
        + models("faces", "device_logs")
        + LINEAGE
        + """\
cohorts:
  deactivated: {dataset: accounts, where: {state: [deactivated]}}
  without-express-consent: {dataset: accounts, but_not: {face_consent: [express]}}
"""
    )
    _, runs = world.carry_out("everalbum")
    assert fulfilled(runs) == {"deactivated-accounts", "face-embeddings", "work-product"}
    assert {each for each in world.files() if each.startswith("media/")} == {"media/photos/acc-1/p-1.jpg", "media/photos/acc-2/p-2.jpg"}
    assert world.rows("faces", "face_id") == ["face-1"]
    assert world.models() == {"battery"}


FAMILIES = """\
identities:
  parent: {dataset: parents, key: parent_id}
  child: {dataset: children, key: child_id, member_of: parent}
datasets:
  parents: {store: app, table: parents, subject: {parent: parent_id}, retention: life, categories: [user.contact]}
  children: {store: app, table: children, subject: {child: child_id, parent: parent_id}, retention: life, categories: [user.childrens]}
  diary: {store: app, table: diary, subject: {child: child_id}, retention: life, categories: [user.health]}
  places: {store: app, table: places, subject: {child: child_id}, retention: life, categories: [user.location.precise]}
  adult_diary: {store: app, table: adult_diary, subject: {parent: parent_id}, retention: life, categories: [user.health]}
"""
FAMILY_COHORTS = """\
cohorts:
  children-without-verified-consent: {dataset: children, but_not: {consent: [consented]}}
  noticed: {dataset: children, but_not: {consent: [never asked]}}
  consented: {dataset: children, where: {consent: [consented]}}
  declined: {dataset: children, where: {consent: [declined]}}
  no-answer: {dataset: children, where: {consent: [asked]}}
"""


def families(world: World) -> None:
    consents = ["consented", "declined", "asked", None, "never asked"]
    world.table(
        "parents", "parent_id TEXT PRIMARY KEY, email TEXT, at TEXT", [(f"par-{n}-5V8B3X", f"p{n}@example.org", "2020") for n in range(5)]
    )
    rows = [(f"kid-{n}-7Q2M9K", f"par-{n}-5V8B3X", consent, "2020") for n, consent in enumerate(consents)]
    world.table("children", "child_id TEXT PRIMARY KEY, parent_id TEXT, consent TEXT, at TEXT", rows)
    for table in ("diary", "places"):
        world.table(
            table, "child_id TEXT, text TEXT, at TEXT", [(f"kid-{n}-7Q2M9K", noise(f"{table}{n}", 40).hex(), "2020") for n in range(5)]
        )
    world.table(
        "adult_diary", "parent_id TEXT, text TEXT, at TEXT", [(f"par-{n}-5V8B3X", noise(f"ad{n}", 40).hex(), "2020") for n in range(5)]
    )
    world.model("coach-kids", "diary")
    world.model("coach-adults", "adult_diary")
    world.declare(FAMILIES + models("diary", "adult_diary") + LINEAGE + FAMILY_COHORTS)


@pytest.mark.duty("DSG-01", "DSG-02", "DSG-06")
@pytest.mark.parametrize("order", ["ww-kurbo", "edmodo"])
def test_children_without_consent_go_with_what_was_learnt_from_children_and_the_cohorts_are_counted_exactly(
    world: World, order: str
) -> None:
    families(world)
    standing, runs = world.carry_out(order)
    assert fulfilled(runs) == {"childrens-data", "work-product"}
    assert world.rows("children", "child_id") == world.rows("diary", "child_id") == world.rows("places", "child_id") == ["kid-0-7Q2M9K"]
    assert len(world.rows("parents", "parent_id")) == len(world.rows("adult_diary", "parent_id")) == 5
    assert world.models() == {"coach-adults"}
    by_limb = {each.limb: each for each in standing.examined}
    counted = {each.name: each.number for each in by_limb["childrens-data"].counted}
    assert counted == {"noticed": 4, "consented": 1, "declined": 1, "no-answer": 1}
    with world.open() as opened:
        scope = opened.status(by_limb["childrens-data"].order).received.scope  # type: ignore[arg-type]
    assert scope is not None
    assert scope.figures == {**counted, "people": 4, "children": 4, "diary": 4, "places": 4}


def test_children_without_consent_lose_their_whereabouts_and_nothing_else_where_the_order_says_no_more(world: World) -> None:
    families(world)
    _, runs = world.carry_out("apitor")
    assert fulfilled(runs) == {"childrens-data"}
    assert world.rows("places", "child_id") == ["kid-0-7Q2M9K"]
    assert len(world.rows("diary", "child_id")) == len(world.rows("children", "child_id")) == 5
    assert world.models() == {"coach-kids", "coach-adults"}, "this order knows no work product"


@pytest.mark.duty("DSG-01", "DSG-02")
def test_what_was_learnt_from_health_data_goes_and_the_users_own_diary_stays(world: World) -> None:
    accounts(world, "active", "active")
    world.table("cycles", "account_id TEXT, day TEXT, at TEXT", [(f"acc-{n}", noise(f"c{n}", 40).hex(), "2021") for n in range(2)])
    world.file("registry/segments/pregnant.csv")
    world.model("lookalike", "segments")
    world.model("crash", "accounts")
    world.declare(
        ACCOUNTS
        + """\
  cycles: {store: app, table: cycles, subject: {account: account_id}, retention: life, categories: [user.health.reproductive]}
  segments: {store: registry, path: "segments/{name}.csv", kind: segment, derived_from: [cycles], on_erase: destroy}
"""
        + models("segments", "accounts")
        + LINEAGE
    )
    _, runs = world.carry_out("premom")
    assert fulfilled(runs) == {"work-product"}
    assert world.models() == {"crash"}
    assert not [each for each in world.files() if "segments" in each]
    assert len(world.rows("cycles", "account_id")) == 2


@pytest.mark.duty("DSG-01", "DSG-02")
def test_faces_caught_in_shops_go_with_all_that_was_derived_from_them_in_whole_or_in_part(world: World) -> None:
    accounts(world, "customer", "customer")
    for n in range(2):
        world.file(f"media/gallery/acc-{n}.jpg")
        world.file(f"media/receipts/acc-{n}.pdf")
    world.table("matches", "account_id TEXT, shop TEXT, at TEXT", [(f"acc-{n}", noise(f"m{n}", 40).hex(), "2018") for n in range(2)])
    notes = [(f"acc-{n}", noise(f"note {n}", 40).hex(), "2018") for n in (0, 1, 9)]
    world.table("notes", "account_id TEXT, text TEXT, at TEXT", notes)
    world.model("matcher", "gallery", "receipts")
    world.model("stock", "receipts")
    world.declare(
        ACCOUNTS
        + """\
  gallery: {store: media, path: "gallery/{account_id}.jpg", subject: {account: account_id}, retention: life, collected: modified,
            categories: [user.biometrics.face]}
  receipts: {store: media, path: "receipts/{account_id}.pdf", subject: {account: account_id}, retention: life,
             categories: [user.payment]}
  matches: {store: app, table: matches, subject: {account: account_id}, derived_from: [gallery], on_erase: erase, retention: life}
  notes: {store: app, table: notes, subject: {through: gallery, via: account_id}, kind: transcript, derived_from: [gallery],
          on_erase: erase, retention: life}
"""
        + models("gallery", "receipts")
        + LINEAGE
    )
    standing, runs = world.carry_out("rite-aid")
    assert fulfilled(runs) == {"photos-and-what-came-of-them"}
    assert standing.examined[0].items == {"gallery": 2, "matches": 2, "models": 2, "notes": 3}
    assert world.rows("notes", "account_id") == [], "also of whom no photo is there any more"
    assert world.models() == {"stock"}, "matcher went: a part is enough"
    assert {each for each in world.files() if each.startswith("media/")} == {"media/receipts/acc-0.pdf", "media/receipts/acc-1.pdf"}


def roads(world: World, extra: str = "") -> None:
    world.table(
        "accounts",
        "account_id TEXT PRIMARY KEY, consent TEXT, at TEXT",
        [("acc-0", "no", "2019"), ("acc-1", "yes", "2019"), ("acc-2", None, "2019")],
    )
    rows = [(f"acc-{n}", noise(f"{n} {day}", 40).hex(), day) for n in range(3) for day in ("2023-05-01", "2026-02-01")]
    world.table("trips", "account_id TEXT, track TEXT, seen_at TEXT, at TEXT", [(*row, row[2]) for row in rows])
    world.file("registry/segments/churchgoers.csv")
    world.model("home-finder", "trips")
    world.model("billing", "accounts")
    world.declare(
        ACCOUNTS
        + """\
  trips: {store: app, table: trips, subject: {account: account_id}, retention: life, collected: seen_at,
          categories: [user.location.precise]}
  segments: {store: registry, path: "segments/{name}.csv", kind: segment, derived_from: [trips], on_erase: destroy}
"""
        + models("trips", "accounts")
        + LINEAGE
        + "cohorts:\n  without-consent: {dataset: accounts, but_not: {consent: ['yes']}}\n"
    )


@pytest.mark.duty("DSG-01", "DSG-02")
def test_past_whereabouts_of_those_who_did_not_consent_go_with_segments_and_models_and_later_ones_stay(world: World) -> None:
    roads(world)
    _, runs = world.carry_out("x-mode")
    assert fulfilled(runs) == {"historic-location", "data-products"}
    assert sorted(world.rows("trips", "account_id || ' ' || seen_at")) == [
        "acc-0 2026-02-01", "acc-1 2023-05-01", "acc-1 2026-02-01", "acc-2 2026-02-01",
    ]  # fmt: skip
    assert world.models() == {"billing"}
    assert not [each for each in world.files() if "segments" in each]


def test_prior_driver_data_goes_and_what_was_made_of_it_stays_where_the_order_says_no_more(world: World) -> None:
    roads(world)
    _, runs = world.carry_out("gm")
    assert fulfilled(runs) == {"driver-data"}
    assert len(world.rows("trips", "account_id")) == 4
    assert world.models() == {"billing", "home-finder"}


@pytest.mark.duty("DSG-01")
def test_backup_files_of_former_customers_go_and_those_of_customers_stay(world: World) -> None:
    world.table("customers", "customer TEXT PRIMARY KEY, state TEXT, at TEXT", [("c-old", "former", "2019"), ("c-now", "current", "2019")])
    for name in ("c-old", "c-now"):
        for year in (2018, 2020):
            world.file(f"media/backups/{name}-of-{year}.dump")
    world.file("media/gifts/c-old.csv")
    world.declare(
        """\
identities:
  customer: {dataset: customers, key: customer}
datasets:
  customers: {store: app, table: customers, subject: {customer: customer}, retention: life}
  backups: {store: media, path: "backups/{customer}-of-{year}.dump", subject: {customer: customer}, retention: life, kind: backup}
  gifts: {store: media, path: "gifts/{customer}.csv", subject: {customer: customer}, retention: life}
cohorts:
  former-customers: {dataset: customers, where: {state: [former]}}
"""
    )
    standing, runs = world.carry_out("blackbaud")
    assert fulfilled(runs) == {"backup-files"}
    assert standing.examined[0].items == {"backups": 2}
    assert world.files() == {"media/backups/c-now-of-2018.dump", "media/backups/c-now-of-2020.dump", "media/gifts/c-old.csv"}


@pytest.mark.duty("DSG-01", "DSG-02")
def test_hashed_addresses_count_and_every_model_goes_that_nobody_claims_for_care(world: World) -> None:
    accounts(world, "patient", "patient")
    world.table("visits", "account_id TEXT, note TEXT, at TEXT", [(f"acc-{n}", noise(f"v{n}", 40).hex(), "2022") for n in range(2)])
    world.table("hashed", "account_id TEXT, sha256 TEXT, at TEXT", [(f"acc-{n}", noise(f"h{n}", 32).hex(), "2022") for n in range(2)])
    world.model("advertising", "hashed")
    world.declare(
        ACCOUNTS
        + """\
  visits: {store: app, table: visits, subject: {account: account_id}, retention: life, categories: [user.health]}
  hashed: {store: app, table: hashed, subject: {account: account_id}, derived_from: [accounts], on_erase: erase, retention: life,
           categories: [user.contact.email]}
"""
        + models("hashed")
        + LINEAGE
    )
    _, runs = world.carry_out("cerebral")
    assert fulfilled(runs) == {"covered-information", "data-products"}
    assert world.rows("hashed", "account_id") == world.rows("visits", "account_id") == []
    assert world.models() == set()
    assert len(world.rows("accounts", "account_id")) == 2


@pytest.mark.duty("DSG-01", "DSG-02")
def test_browsing_data_goes_with_the_software_that_was_made_of_it_and_the_product_itself_stays(world: World) -> None:
    accounts(world, "user", "user")
    world.table("clicks", "account_id TEXT, url TEXT, at TEXT", [(f"acc-{n}", noise(f"u{n}", 40).hex(), "2019") for n in range(2)])
    world.file("registry/software/all-clicks-feed.tar")
    world.file("registry/antivirus/engine.tar")
    world.declare(
        ACCOUNTS
        + """\
  clicks: {store: app, table: clicks, subject: {account: account_id}, retention: life, categories: [user.behavior.browsing_history]}
  feeds: {store: registry, path: "software/{name}.tar", kind: software, derived_from: [clicks], on_erase: {keep: "we sell it"}}
  antivirus: {store: registry, path: "antivirus/{name}.tar", kind: software, derived_from: [accounts], on_erase: destroy}
"""
    )
    _, runs = world.carry_out("avast")
    assert fulfilled(runs) == {"browsing-data"}
    assert world.files() == {"registry/antivirus/engine.tar"}
    assert world.rows("clicks", "url") == []


@pytest.mark.duty("DSG-06")
def test_the_state_names_nobody_and_the_same_question_gives_the_same_answer(world: World) -> None:
    families(world)
    standing, _ = world.carry_out("ww-kurbo")
    search = Search([name for n in range(5) for name in (f"kid-{n}-7Q2M9K", f"par-{n}-5V8B3X")] + [f"p{n}@example.org" for n in range(5)])
    assert [hit.path.name for hit in search.folder(world.folder / "state")] == []
    assert [hit.path.name for hit in search.folder(world.folder / "world")], "the search can find them"
    (counted,) = (each for each in standing.examined[0].counted if each.name == "consented")
    with world.open() as opened:
        (again,) = (each for each in opened.disgorgements.look(standing.id)[0].counted if each.name == "consented")
        (gone,) = (each for each in opened.disgorgements.look(standing.id)[0].counted if each.name == "declined")
    assert again == counted, "whoever consented is still there, and the answer is the same"
    assert (gone.number, gone.query) == (0, next(each.query for each in standing.examined[0].counted if each.name == "declined"))

"""Tables of people that no word tells: a key that other tables refer to, and addresses, numbers or names of people in the rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from expunge import survey
from expunge.core.datamap.datamap import ByField, DataMap, ReferenceData, Undecided
from tests.maps.test_proposal_oddities import database, seen

RIDES = "CREATE TABLE rides (id INTEGER PRIMARY KEY, rider_id INTEGER REFERENCES riders (rider_id), fare INTEGER);"
NAMES = ("Anna Berg", "Tom O\u2019Dell", "Mina de la Cruz", "José Álvarez", "Kei Watanabe-Ito")


def rows(table: str, *columns: str) -> str:
    """Insert one row for each name; in a column ``{}`` stands for its number."""
    return "".join(
        f"INSERT INTO {table} VALUES ({4000 + at}, {', '.join(repr(each.format(at, name=name)) for each in columns)});".replace('"', "'")
        for at, name in enumerate(NAMES)
    )


def said(found: DataMap, name: str, section: str = "datasets") -> str:
    return "; ".join(each.said for each in found.guesses if (each.section, each.name) == (section, name))


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("email", "r{}@post.example", "addresses"),
        ("kontakt", "r{}@post.example", "addresses"),
        ("mobile_no", "+41 79 555 01 {}2", "telephone numbers"),
        ("name", "{name}", "names of people"),
    ],
)
def test_a_key_that_others_refer_to_and_values_of_people_make_a_table_of_people(
    tmp_path: Path, column: str, values: str, told: str
) -> None:
    script = f"CREATE TABLE riders (rider_id INTEGER PRIMARY KEY, {column} TEXT); {RIDES}" + rows("riders", values)
    database(tmp_path / "app.db", script + "INSERT INTO rides VALUES (1, 4000, 9), (2, 4001, 8);")
    found = seen(tmp_path, "app.db")
    assert {kind: (each.dataset, each.key) for kind, each in found.identities.items()} == {"rider": ("riders", "rider_id")}
    assert found.datasets["rides"].subject == ByField({"rider": "rider_id"})
    assert said(found, "riders") == f"rides.rider_id refers to it, and 5 of 5 values of {column} are {told}"
    assert (column in found.identities["rider"].also) is (told != "names of people")


def test_names_alone_are_a_question_where_nothing_says_that_these_are_people(tmp_path: Path) -> None:
    script = (
        "CREATE TABLE bands (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE gigs (id INTEGER, band_id INTEGER REFERENCES bands (id));"
    )
    database(tmp_path / "app.db", script + rows("bands", "{name}"))
    found = seen(tmp_path, "app.db")
    assert isinstance(found.datasets["bands"].subject, Undecided)
    assert said(found, "bands") == "5 of 5 values of name are names of people, and no key says whose it is"


def test_suppliers_and_goods_are_nobody_unasked(tmp_path: Path) -> None:
    script = """
    CREATE TABLE suppliers (supplier_id INTEGER PRIMARY KEY, company_name TEXT, contact_email TEXT);
    CREATE TABLE shippers (shipper_id INTEGER PRIMARY KEY, company_name TEXT, phone TEXT);
    CREATE TABLE products (id INTEGER PRIMARY KEY, name TEXT, price INTEGER, supplier_id INTEGER REFERENCES suppliers (supplier_id));
    CREATE TABLE lines (id INTEGER PRIMARY KEY, product_id INTEGER REFERENCES products (id));
    CREATE TABLE parcels (id INTEGER PRIMARY KEY, shipper_id INTEGER REFERENCES shippers (shipper_id));
    CREATE TABLE riders (rider_id INTEGER PRIMARY KEY, email TEXT);
    """
    script += rows("suppliers", "{name} AG", "{}@firm.example") + rows("shippers", "{name} AG", "+41 44 555 01 {}2")
    script += "INSERT INTO products VALUES (1, 'Blue Teapot', 4, 4000), (2, 'Red Kettle', 5, 4001);" + rows("riders", "r{}@post.example")
    database(tmp_path / "app.db", script + RIDES)
    found = seen(tmp_path, "app.db")
    assert list(found.identities) == ["rider"]
    assert isinstance(found.datasets["products"].subject, ReferenceData)
    assert isinstance(found.datasets["suppliers"].subject, Undecided)
    assert isinstance(found.datasets["shippers"].subject, Undecided)


def test_what_people_have_is_no_list_of_people(tmp_path: Path) -> None:
    """Addresses that rows of people lead to, rows of people with an address of their own, and copies."""
    script = """
    CREATE TABLE places (id INTEGER PRIMARY KEY, phone TEXT);
    CREATE TABLE riders (rider_id INTEGER PRIMARY KEY, email TEXT, place_id INTEGER REFERENCES places (id));
    CREATE TABLE rides (id INTEGER PRIMARY KEY, mail TEXT, rider_id INTEGER REFERENCES riders (rider_id));
    CREATE TABLE stops (id INTEGER PRIMARY KEY, ride_id INTEGER REFERENCES rides (id));
    CREATE TABLE riders_archive (rider_id INTEGER PRIMARY KEY, email TEXT);
    CREATE TABLE notes (id INTEGER PRIMARY KEY, rider_id INTEGER REFERENCES riders_archive (rider_id));
    """
    script += rows("places", "+41 44 555 01 {}2") + rows("riders", "r{}@post.example", "400{}") + rows("rides", "r{}@post.example", "400{}")
    database(tmp_path / "app.db", script)
    assert list(seen(tmp_path, "app.db").identities) == ["rider"]


def test_a_dataset_whose_own_times_are_others_leaves_its_period_open(tmp_path: Path) -> None:
    script = """
    CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, created_at TEXT);
    CREATE TABLE offers (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id), expires_at TEXT);
    CREATE TABLE visits (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id), signed_on TEXT);
    CREATE TABLE badges (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id));
    """
    database(tmp_path / "app.db", script)
    found = seen(tmp_path, "app.db")
    starts = {name: found.retention[found.datasets[name].retention].start for name in found.datasets}
    assert starts["users"] == starts["badges"] == "created_at"
    assert starts["visits"] == "signed_on"
    assert starts["offers"] == "DECIDE: from which field it runs: expires_at?"


def test_an_answer_about_a_dataset_without_a_retention_takes_one_that_runs_from_its_own_column(tmp_path: Path) -> None:
    script = """
    CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT, created_at TEXT);
    CREATE TABLE visits (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id), signed_on TEXT);
    CREATE TABLE calls (id INTEGER PRIMARY KEY, line INTEGER, signed_on TEXT);
    INSERT INTO calls VALUES (1, 7, '2026-01-01');
    """
    database(tmp_path / "app.db", script)
    found = seen(tmp_path, "app.db")
    assert isinstance(found.datasets["calls"].subject, ReferenceData)
    path = tmp_path / "expunge.yaml"
    path.write_text(path.read_text().replace("table: calls\n", 'table: calls\n    guess: "whose?"\n'))
    reviewed = survey.review(path)
    question = next(each for each in reviewed.questions if each.name == "calls")
    text = survey.decide(reviewed, question, "subject: {user: line}").text.decode()
    assert "    table: calls\n    retention: by_signed_on\n    subject: {user: line}\n" in text


@pytest.mark.parametrize(
    ("columns", "values", "told"),
    [
        ("lat REAL, lng REAL", "52.5{}, 13.4{}", "3 values of lat with 3 of lng are degrees on the globe"),
        ("latitude REAL, longitude REAL", "52.5{}, 13.4{}", "3 values of latitude with 3 of longitude are degrees on the globe"),
        ("geo TEXT", "'52.51{}4, 13.41{}4'", "3 values of geo are places on the globe"),
        ("lat REAL, lng REAL", "900.5{}, 13.4{}", ""),
        ("location TEXT", "'shelf {}{}'", ""),
    ],
)
def test_columns_of_coordinates_get_the_category_of_location_with_the_counts(tmp_path: Path, columns: str, values: str, told: str) -> None:
    script = (
        f"CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT); CREATE TABLE rides (user_id INTEGER REFERENCES users (id), {columns});"
    )
    script += f"CREATE TABLE stops (id INTEGER PRIMARY KEY, {columns});"
    for at in range(1, 4):
        script += f"INSERT INTO rides VALUES ({at}, {values.format(at, at)}); INSERT INTO stops VALUES ({at}, {values.format(at, at)});"
    database(tmp_path / "app.db", script)
    found = seen(tmp_path, "app.db")
    assert found.datasets["rides"].categories == (("user.location.precise",) if told else ())
    assert said(found, "rides") == told
    assert found.datasets["rides"].subject == ByField({"user": "user_id"})
    # Places that no key leads from are a question: they may be of people.
    assert isinstance(found.datasets["stops"].subject, Undecided if told else ReferenceData)


USERS = "CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT);"


@pytest.mark.parametrize(
    ("table", "column", "values"),
    [
        ("hotels", "email", "info@hotel{}.example"),
        ("vessels", "phone", "+47 555 01 {}2"),
        ("departments", "mailbox", "dept{}@firm.example"),
        ("branches", "mail", "office{}@firm.example"),
        ("lieferanten", "email", "info@lieferant{}.example"),
        ("aziende", "email", "info@azienda{}.example"),
        ("écoles", "email", "bureau@ecole{}.example"),
    ],
)
def test_organisations_places_and_things_are_no_people_by_how_they_are_built(tmp_path: Path, table: str, column: str, values: str) -> None:
    script = f"CREATE TABLE {table} (id INTEGER PRIMARY KEY, name TEXT, {column} TEXT);" + rows(table, "Number {}", values)
    script += f"CREATE TABLE spots (id INTEGER PRIMARY KEY, home_id INTEGER REFERENCES {table} (id), kind TEXT);"
    script += "INSERT INTO spots VALUES (1, 4000, 'double'), (2, 4001, 'single');"
    database(tmp_path / "app.db", script)
    found = seen(tmp_path, "app.db")
    assert not found.identities
    of_groups = next(each for name, each in found.datasets.items() if name != "spots")
    assert isinstance(of_groups.subject, Undecided)


def test_a_ship_does_not_go_with_the_last_of_its_crew(tmp_path: Path) -> None:
    script = f"""CREATE TABLE vessels (id INTEGER PRIMARY KEY, name TEXT, phone TEXT); {USERS}
    CREATE TABLE crew (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id), vessel_id INTEGER REFERENCES vessels (id));
    CREATE TABLE shifts (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id), vessel_id INTEGER REFERENCES vessels (id));"""
    database(tmp_path / "app.db", script + rows("vessels", "MS {}", "+47 555 01 {}2"))
    assert isinstance(seen(tmp_path, "app.db").datasets["vessels"].subject, Undecided)


def test_what_a_table_of_people_refers_to_is_a_group_of_them(tmp_path: Path) -> None:
    """A squadron has members with names; an event with an address of its own is no such member."""
    script = """
    CREATE TABLE squadrons (id INTEGER PRIMARY KEY, label TEXT, email TEXT);
    CREATE TABLE flyers (id INTEGER PRIMARY KEY, name TEXT, email TEXT, squadron_id INTEGER REFERENCES squadrons (id));
    CREATE TABLE jumps (id INTEGER PRIMARY KEY, flyer_id INTEGER REFERENCES flyers (id));
    CREATE TABLE hangars (id INTEGER PRIMARY KEY, squadron_id INTEGER REFERENCES squadrons (id));
    """
    script += rows("squadrons", "S{}", "s{}@post.example") + rows("flyers", "{name}", "f{}@post.example", "400{}")
    database(tmp_path / "app.db", script + "INSERT INTO jumps VALUES (1, 4000), (2, 4001); INSERT INTO hangars VALUES (1, 4000);")
    found = seen(tmp_path, "app.db")
    assert list(found.identities) == ["flyer"]
    assert found.datasets["flyers"].subject == ByField({"flyer": "id"})
    assert isinstance(found.datasets["squadrons"].subject, Undecided)


@pytest.mark.parametrize("column", ["gender", "birth_date", "password_hash"])
def test_what_only_people_have_makes_people_of_those_whom_others_refer_to(tmp_path: Path, column: str) -> None:
    script = f"""
    CREATE TABLE sponsors (id INTEGER PRIMARY KEY, {column} TEXT, email TEXT);
    CREATE TABLE flyers (id INTEGER PRIMARY KEY, name TEXT, email TEXT, sponsor_id INTEGER REFERENCES sponsors (id));
    CREATE TABLE jumps (id INTEGER PRIMARY KEY, flyer_id INTEGER REFERENCES flyers (id));
    """
    script += rows("sponsors", "f", "s{}@post.example") + rows("flyers", "{name}", "f{}@post.example", "400{}")
    database(tmp_path / "app.db", script + "INSERT INTO jumps VALUES (1, 4000), (2, 4001);")
    assert list(seen(tmp_path, "app.db").identities) == ["flyer", "sponsor"]


def test_a_dataset_that_leads_only_to_guessed_people_is_a_guess(tmp_path: Path) -> None:
    script = f"CREATE TABLE riders (rider_id INTEGER PRIMARY KEY, email TEXT); {RIDES} {USERS}" + rows("riders", "r{}@post.example")
    script += "CREATE TABLE stops (id INTEGER PRIMARY KEY, ride_id INTEGER REFERENCES rides (id));"
    script += "CREATE TABLE logins (id INTEGER PRIMARY KEY, user_id INTEGER REFERENCES users (id));"
    database(tmp_path / "app.db", script + "INSERT INTO rides VALUES (1, 4000, 9), (2, 4001, 8); INSERT INTO stops VALUES (1, 1);")
    found = seen(tmp_path, "app.db")
    assert said(found, "rides") == said(found, "stops") == "it goes with the people of riders, and whether these are people is a question"
    assert said(found, "logins") == ""


@pytest.mark.parametrize(
    ("table", "key", "columns", "kind", "asked"),
    [
        ("kunden", "kundennr", ("vorname", "nachname", "strasse", "ort"), "kunde", False),
        ("clients", "id", ("prenom", "nom", "rue"), "client", False),
        ("abonnés", "id", ("prénom", "nom_de_famille", "rue"), "abonne", False),
        ("usuarios", "id", ("nombre", "apellidos", "calle"), "usuario", False),
        ("clienti", "codice", ("nome", "cognome", "via"), "cliente", False),
        ("klanten", "klantnr", ("voornaam", "achternaam", "straat"), "klant", False),
        ("utentes", "id", ("nome", "sobrenome"), "utente", False),
        ("patienten", "id", ("vorname", "name"), "patient", False),
        ("mitarbeiter", "id", ("name", "ort"), "mitarbeiter", True),
        ("clients", "id", ("name", "email"), "client", True),
    ],
)
def test_words_for_people_and_their_names_in_other_languages(
    tmp_path: Path, table: str, key: str, columns: tuple[str, ...], kind: str, *, asked: bool
) -> None:
    script = f"{USERS} CREATE TABLE {table} ({key} INTEGER PRIMARY KEY, {', '.join(f'{each} TEXT' for each in columns)});"
    script += f"CREATE TABLE bills (id INTEGER PRIMARY KEY, {kind}_nr INTEGER REFERENCES {table} ({key}), total REAL);"
    database(tmp_path / "app.db", script + rows(table, *("Wort{}" for _ in columns)) + "INSERT INTO bills VALUES (1, 4000, 9.5);")
    found = seen(tmp_path, "app.db")
    assert list(found.identities) == ["user", kind]
    assert found.identities[kind].key == key
    assert found.datasets["bills"].subject == ByField({kind: f"{kind}_nr"})
    name = found.identities[kind].dataset
    assert bool(said(found, name)) is asked


def test_goods_with_a_name_in_another_language_are_nobody_unasked(tmp_path: Path) -> None:
    script = f"""{USERS} CREATE TABLE productos (id INTEGER PRIMARY KEY, nombre TEXT, precio REAL);
    CREATE TABLE artikel (id INTEGER PRIMARY KEY, name TEXT, produkt_id INTEGER REFERENCES productos (id));
    INSERT INTO productos VALUES (1, 'Tetera', 4), (2, 'Taza', 5); INSERT INTO artikel VALUES (1, 'Kanne', 1);"""
    database(tmp_path / "app.db", script)
    found = seen(tmp_path, "app.db")
    assert list(found.identities) == ["user"]
    assert isinstance(found.datasets["productos"].subject, ReferenceData)
    assert isinstance(found.datasets["artikel"].subject, ReferenceData)


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        ("owner", "{name}", "5 of 5 values of owner are names of people, and no key says whose it is"),
        ("halter", "{name}", "5 of 5 values of halter are names of people, and no key says whose it is"),
        ("driver_name", "{name}", "5 of 5 values of driver_name are names of people, and no key says whose it is"),
        ("owner", "team {}", ""),
        ("model", "{name}", ""),
    ],
)
def test_an_owner_by_name_is_a_question(tmp_path: Path, column: str, values: str, told: str) -> None:
    script = f"{USERS} CREATE TABLE vehicles (id INTEGER PRIMARY KEY, plate TEXT, {column} TEXT);" + rows("vehicles", "B-AB {}", values)
    database(tmp_path / "app.db", script)
    found = seen(tmp_path, "app.db")
    assert isinstance(found.datasets["vehicles"].subject, Undecided if told else ReferenceData)
    assert said(found, "vehicles") == told


@pytest.mark.parametrize("table", ["client", "gamer"])
def test_a_key_that_others_name_without_a_foreign_key_is_the_identity(tmp_path: Path, table: str) -> None:
    script = f"CREATE TABLE {table}s (id INTEGER PRIMARY KEY, name TEXT, email TEXT);" + rows(f"{table}s", "{name}", "c{}@post.example")
    script += f"CREATE TABLE invoices (id INTEGER PRIMARY KEY, {table}_id INTEGER, total REAL);"
    database(tmp_path / "app.db", script + "INSERT INTO invoices VALUES (1, 4000, 9.5), (2, 4001, 8.5);")
    found = seen(tmp_path, "app.db")
    assert {kind: (each.dataset, each.key, each.also) for kind, each in found.identities.items()} == {
        table: (f"{table}s", "id", ("email",))
    }
    assert found.datasets["invoices"].subject == ByField({table: f"{table}_id"})
    assert said(found, "invoices").startswith(f"{table}_id: 2 of 2 values match {table}s.id")


def test_a_column_of_other_numbers_names_no_key(tmp_path: Path) -> None:
    script = "CREATE TABLE gamers (id INTEGER PRIMARY KEY, name TEXT, email TEXT);" + rows("gamers", "{name}", "c{}@post.example")
    script += "CREATE TABLE scores (id INTEGER PRIMARY KEY, gamer_id INTEGER, total REAL);"
    database(tmp_path / "app.db", script + "INSERT INTO scores VALUES (1, 17, 9.5), (2, 18, 8.5);")
    assert {kind: each.key for kind, each in seen(tmp_path, "app.db").identities.items()} == {"email": "email"}


def test_the_address_of_a_firm_is_no_identity(tmp_path: Path) -> None:
    script = "CREATE TABLE suppliers (id INTEGER PRIMARY KEY, name TEXT, email TEXT);" + rows("suppliers", "F{}", "info@f{}.example")
    database(tmp_path / "app.db", script)
    found = seen(tmp_path, "app.db")
    assert not found.identities
    assert isinstance(found.datasets["suppliers"].subject, Undecided)


def test_the_key_of_people_under_its_own_name_leads_to_them(tmp_path: Path) -> None:
    script = """
    CREATE TABLE kunden (kundennr INTEGER PRIMARY KEY, vorname TEXT, nachname TEXT);
    CREATE TABLE rechnungen (id INTEGER PRIMARY KEY, kundennr INTEGER, summe REAL);
    CREATE TABLE mahnungen (id INTEGER PRIMARY KEY, stufe INTEGER, rechnung INTEGER REFERENCES rechnungen (id));
    INSERT INTO rechnungen VALUES (1, 4000, 9.5), (2, 4001, 8.5); INSERT INTO mahnungen VALUES (1, 1, 1);
    """
    database(tmp_path / "app.db", script + rows("kunden", "Wort{}", "Wort{}"))
    found = seen(tmp_path, "app.db")
    assert found.datasets["rechnungen"].subject == ByField({"kunde": "kundennr"})
    assert said(found, "rechnungen") == "kundennr: 2 of 2 values match kunden.kundennr"


@pytest.mark.parametrize(
    ("column", "value", "written", "told"),
    [
        ("ansprechpartner", "{name}", "{0}", "names of people"),
        ("responsable", "{name}", "{0}", "names of people"),
        ("owner", "{name}", "upper({0})", "names of people"),
        ("owner", "{name}", "substr({0}, instr({0}, ' ') + 1) || ', ' || substr({0}, 1, instr({0}, ' ') - 1)", "names of people"),
        ("where_to_ask", "+41 79 555 01 {}2", "{0}", "telephone numbers"),
    ],
)
def test_people_beside_things_are_a_question(tmp_path: Path, column: str, value: str, written: str, told: str) -> None:
    script = f"CREATE TABLE boilers (id INTEGER PRIMARY KEY, {column} TEXT, price TEXT);"
    script += rows("boilers", value, "{} EUR") + f"UPDATE boilers SET {column} = {written.format(column)};"
    database(tmp_path / "app.db", script)
    found = seen(tmp_path, "app.db")
    assert isinstance(found.datasets["boilers"].subject, Undecided)
    assert told in said(found, "boilers")


@pytest.mark.parametrize(("column", "value"), [("code", "MAIN UNIT"), ("model", "Big, Red"), ("delta", "+12"), ("owner", "state {}")])
def test_things_alone_are_nobody(tmp_path: Path, column: str, value: str) -> None:
    script = f"CREATE TABLE boilers (id INTEGER PRIMARY KEY, {column} TEXT, price TEXT);"
    database(tmp_path / "app.db", script + rows("boilers", value, "{} EUR"))
    assert isinstance(seen(tmp_path, "app.db").datasets["boilers"].subject, ReferenceData)

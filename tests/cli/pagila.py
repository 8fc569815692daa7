"""A rental of films in the shape of Pagila on PostgreSQL: its tables, types, keys, views and triggers, with people of our own invention."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import psycopg

_Connection: TypeAlias = "psycopg.Connection[tuple[object, ...]]"
STAMPED = ("actor", "address", "category", "city", "country", "customer", "film", "film_actor", "film_category", "inventory", "language",
            "rental", "staff", "store")  # fmt: skip
TABLES = """
CREATE TYPE mpaa_rating AS ENUM ('G', 'PG', 'PG-13', 'R', 'NC-17');
CREATE DOMAIN year AS integer CHECK (VALUE >= 1901 AND VALUE <= 2155);
CREATE TABLE actor (actor_id serial PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL,
  last_update timestamptz NOT NULL DEFAULT now());
CREATE TABLE category (category_id serial PRIMARY KEY, name text NOT NULL, last_update timestamptz NOT NULL DEFAULT now());
CREATE TABLE country (country_id serial PRIMARY KEY, country text NOT NULL, last_update timestamptz NOT NULL DEFAULT now());
CREATE TABLE city (city_id serial PRIMARY KEY, city text NOT NULL, country_id integer NOT NULL REFERENCES country,
  last_update timestamptz NOT NULL DEFAULT now());
CREATE TABLE address (address_id serial PRIMARY KEY, address text NOT NULL, address2 text, district text NOT NULL,
  city_id integer NOT NULL REFERENCES city, postal_code text, phone text NOT NULL, last_update timestamptz NOT NULL DEFAULT now());
CREATE TABLE language (language_id serial PRIMARY KEY, name character(20) NOT NULL, last_update timestamptz NOT NULL DEFAULT now());
CREATE TABLE film (film_id serial PRIMARY KEY, title text NOT NULL, description text, release_year year,
  language_id integer NOT NULL REFERENCES language, original_language_id integer REFERENCES language,
  rental_duration smallint NOT NULL DEFAULT 3, rental_rate numeric(4,2) NOT NULL DEFAULT 4.99, length smallint,
  replacement_cost numeric(5,2) NOT NULL DEFAULT 19.99, rating mpaa_rating DEFAULT 'G', last_update timestamptz NOT NULL DEFAULT now(),
  special_features text[], fulltext tsvector NOT NULL);
CREATE TABLE film_actor (actor_id integer NOT NULL REFERENCES actor, film_id integer NOT NULL REFERENCES film,
  last_update timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (actor_id, film_id));
CREATE TABLE film_category (film_id integer NOT NULL REFERENCES film, category_id integer NOT NULL REFERENCES category,
  last_update timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (film_id, category_id));
CREATE TABLE store (store_id serial PRIMARY KEY, manager_staff_id integer NOT NULL, address_id integer NOT NULL REFERENCES address,
  last_update timestamptz NOT NULL DEFAULT now());
CREATE TABLE staff (staff_id serial PRIMARY KEY, first_name text NOT NULL, last_name text NOT NULL,
  address_id integer NOT NULL REFERENCES address, email text, store_id integer NOT NULL REFERENCES store,
  active boolean NOT NULL DEFAULT true,
  username text NOT NULL, password text, last_update timestamptz NOT NULL DEFAULT now(), picture bytea);
CREATE TABLE customer (customer_id serial PRIMARY KEY, store_id integer NOT NULL REFERENCES store, first_name text NOT NULL,
  last_name text NOT NULL, email text, address_id integer NOT NULL REFERENCES address, activebool boolean NOT NULL DEFAULT true,
  create_date date NOT NULL DEFAULT CURRENT_DATE, last_update timestamptz DEFAULT now(), active integer);
CREATE TABLE inventory (inventory_id serial PRIMARY KEY, film_id integer NOT NULL REFERENCES film,
  store_id integer NOT NULL REFERENCES store, last_update timestamptz NOT NULL DEFAULT now());
CREATE TABLE rental (rental_id serial PRIMARY KEY, rental_date timestamptz NOT NULL, inventory_id integer NOT NULL REFERENCES inventory,
  customer_id integer NOT NULL REFERENCES customer, return_date timestamptz, staff_id integer NOT NULL REFERENCES staff,
  last_update timestamptz NOT NULL DEFAULT now());
CREATE TABLE payment (payment_id serial NOT NULL, customer_id integer NOT NULL, staff_id integer NOT NULL, rental_id integer NOT NULL,
  amount numeric(5,2) NOT NULL, payment_date timestamptz NOT NULL, PRIMARY KEY (payment_date, payment_id))
  PARTITION BY RANGE (payment_date);
CREATE UNIQUE INDEX idx_unq_manager_staff_id ON store (manager_staff_id);
CREATE UNIQUE INDEX idx_unq_rental ON rental (rental_date, inventory_id, customer_id);
CREATE INDEX idx_actor_last_name ON actor (last_name);
CREATE INDEX idx_last_name ON customer (last_name);
CREATE INDEX idx_fk_address_id ON customer (address_id);
CREATE INDEX film_fulltext_idx ON film USING gist (fulltext);
"""
VIEWS = """
CREATE VIEW customer_list AS SELECT cu.customer_id AS id, cu.first_name || ' ' || cu.last_name AS name,
  a.address, a.postal_code AS "zip code", a.phone, city.city, country.country,
  CASE WHEN cu.activebool THEN 'active' ELSE '' END AS notes, cu.store_id AS sid
  FROM customer cu JOIN address a USING (address_id) JOIN city USING (city_id) JOIN country USING (country_id);
CREATE VIEW staff_list AS SELECT s.staff_id AS id, s.first_name || ' ' || s.last_name AS name, a.address, a.phone, s.store_id AS sid
  FROM staff s JOIN address a USING (address_id);
CREATE MATERIALIZED VIEW rental_by_category AS SELECT c.name AS category, sum(p.amount) AS total_sales FROM payment p
  JOIN rental r USING (rental_id) JOIN inventory i USING (inventory_id) JOIN film_category fc USING (film_id)
  JOIN category c USING (category_id) GROUP BY c.name;
CREATE UNIQUE INDEX rental_category ON rental_by_category (category);
"""
MONTHS, EACH = 6, 8
"""Partitions of the payments, and rentals of each customer."""
_LAST = (
    "Abernathy",
    "Bellingham",
    "Castellane",
    "Drummond",
    "Eskildsen",
    "Fairweather",
    "Gallimore",
    "Huddleston",
    "Iversholt",
    "Jessamine",
)
_FIRST = ("Ursula", "Valentin", "Winifred", "Xaver", "Yolande", "Zebedee")
CUSTOMERS = tuple((first, last) for last in _LAST for first in _FIRST[: 3 if last < "F" else 2])
"""Twenty-five people of ten families."""
WHO = 9
"""The one who asks to be forgotten lives alone. The eleventh and the twelfth live under one address."""
HOUSEHOLD = (11, 12)
STAFF = (("Mirabel", "Stanhope"), ("Ignace", "Verbruggen"))


def mail(number: int) -> str:
    """Return the address of a customer, counted from one."""
    first, last = CUSTOMERS[number - 1]
    return f"{first}.{last}@cinemail.example".lower()


def street(number: int) -> str:
    """Return where a customer lives."""
    return f"{1000 + 97 * min(number, HOUSEHOLD[0] if number in HOUSEHOLD else number)} Marigold Parade"


def phone(number: int) -> str:
    """Return a customer's telephone number."""
    return f"{448_100_000_000 + 7_919_317 * (HOUSEHOLD[0] if number in HOUSEHOLD else number)}"


TRACES = (*CUSTOMERS[WHO - 1][:1], mail(WHO), street(WHO), phone(WHO))


def make(url: str) -> None:
    """Make the tables in an empty database, and fill them with some eight hundred rows."""
    with psycopg.connect(url) as db:
        _schema(db)
        _films(db)
        _people(db)
        _rentals(db)
        db.execute(VIEWS.encode())


def _add(db: _Connection, table: str, **values: object) -> None:
    columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
    db.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks})".encode(), tuple(values.values()))


def _schema(db: _Connection) -> None:
    db.execute(TABLES.encode())
    for month in range(1, MONTHS + 1):
        name, until = f"payment_p2026_{month:02d}", f"2026-{month + 1:02d}-01"
        db.execute(f"CREATE TABLE {name} PARTITION OF payment FOR VALUES FROM ('2026-{month:02d}-01') TO ('{until}')".encode())
        for column, other in (("customer_id", "customer"), ("staff_id", "staff"), ("rental_id", "rental")):
            db.execute(f"ALTER TABLE {name} ADD FOREIGN KEY ({column}) REFERENCES {other}".encode())
    body = "BEGIN NEW.last_update = CURRENT_TIMESTAMP; RETURN NEW; END"
    db.execute(f"CREATE FUNCTION last_updated() RETURNS trigger LANGUAGE plpgsql AS '{body}'".encode())
    for table in STAMPED:
        db.execute(f"CREATE TRIGGER last_updated BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION last_updated()".encode())
    search = "tsvector_update_trigger('fulltext', 'pg_catalog.english', 'title', 'description')"
    db.execute(f"CREATE TRIGGER film_fulltext_trigger BEFORE INSERT OR UPDATE ON film FOR EACH ROW EXECUTE FUNCTION {search}".encode())


def _films(db: _Connection) -> None:
    for number in range(1, 13):
        _add(db, "actor", first_name=f"Perrin{number}", last_name=f"Lamplight{number % 5}")
    for name in ("Documentary", "Family", "Travel"):
        _add(db, "category", name=name)
    _add(db, "country", country="Freedonia")
    for name in ("Port Alder", "Highmoor"):
        _add(db, "city", city=name, country_id=1)
    for name in ("English", "Italian"):
        _add(db, "language", name=name)
    for number in range(1, 31):
        said = f"A thoughtful tale of a lighthouse keeper and a goat who meet on ferry number {number} in the fog"
        row = {
            "title": f"Ferry {number}",
            "description": said,
            "release_year": 2006,
            "language_id": 1,
            "rating": "PG",
            "length": 60 + number,
        }
        _add(db, "film", **row, special_features=["Trailers", "Deleted Scenes"])
        _add(db, "film_category", film_id=number, category_id=number % 3 + 1)
        for each in (0, 5):
            _add(db, "film_actor", actor_id=(number + each) % 12 + 1, film_id=number)


def _people(db: _Connection) -> None:
    lots = random.Random(23)
    for number in (1, 2):
        _add(db, "address", address=f"{number} Projection Row", address2="", district="Alder", city_id=number, phone=f"1403333556{number}")
        _add(db, "store", manager_staff_id=number, address_id=number)
    for number, (first, last) in enumerate(STAFF, 1):
        _add(db, "address", address=f"{40 + number} Usher Street", district="Alder", city_id=1, phone=f"14033335{568 + number}")
        row = {"first_name": first, "last_name": last, "address_id": 2 + number, "store_id": number, "username": first}
        secret, picture = f"{lots.getrandbits(160):040x}", b"\x89PNG\r\n\x1a\n" + lots.randbytes(400)
        _add(db, "staff", **row, email=f"{first}@staff.example".lower(), password=secret, picture=picture)
    db.execute("ALTER TABLE store ADD FOREIGN KEY (manager_staff_id) REFERENCES staff")
    home = 4
    for number, (first, last) in enumerate(CUSTOMERS, 1):
        if number != HOUSEHOLD[1]:
            home += 1
            place = {"address": street(number), "address2": "", "district": "Alder", "city_id": number % 2 + 1}
            _add(db, "address", **place, postal_code=f"{20000 + 31 * number}", phone=phone(number))
        row = {"store_id": number % 2 + 1, "first_name": first, "last_name": last, "email": mail(number), "active": 1}
        _add(db, "customer", **row, address_id=home)


def _rentals(db: _Connection) -> None:
    lots = random.Random(29)
    for number in range(1, 61):
        _add(db, "inventory", film_id=number % 30 + 1, store_id=number % 2 + 1)
    for number in range(1, EACH * len(CUSTOMERS) + 1):
        who, clerk = number % len(CUSTOMERS) + 1, number % 2 + 1
        start = datetime(2026, 1, 3, 9, tzinfo=UTC) + timedelta(hours=19 * number, seconds=lots.randrange(3600))
        row = {"customer_id": who, "staff_id": clerk}
        _add(db, "rental", **row, rental_date=start, inventory_id=number % 60 + 1, return_date=start + timedelta(days=3))
        _add(db, "payment", **row, rental_id=number, amount=2.99, payment_date=start + timedelta(minutes=5))

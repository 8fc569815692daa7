"""A shop in the shape of a Rails application on PostgreSQL: Rails' own tables, and a few people and goods of our own invention."""

from __future__ import annotations

import base64
import json
import random
import struct

import psycopg

TABLES = """
CREATE TABLE schema_migrations (version varchar NOT NULL PRIMARY KEY);
CREATE TABLE ar_internal_metadata (key varchar NOT NULL PRIMARY KEY, value varchar, created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL);
CREATE TABLE users (id bigserial PRIMARY KEY, email varchar NOT NULL DEFAULT '', encrypted_password varchar NOT NULL DEFAULT '',
  reset_password_token varchar, sign_in_count integer NOT NULL DEFAULT 0, last_sign_in_at timestamp, last_sign_in_ip varchar,
  first_name varchar, last_name varchar, created_at timestamp(6) NOT NULL, updated_at timestamp(6) NOT NULL);
CREATE UNIQUE INDEX index_users_on_email ON users (email);
CREATE TABLE addresses (id bigserial PRIMARY KEY, user_id bigint NOT NULL REFERENCES users (id), street varchar, city varchar,
  zipcode varchar,
  phone varchar, created_at timestamp(6) NOT NULL, updated_at timestamp(6) NOT NULL);
CREATE INDEX index_addresses_on_user_id ON addresses (user_id);
CREATE TABLE taxons (id bigserial PRIMARY KEY, parent_id bigint REFERENCES taxons (id), name varchar NOT NULL,
  created_at timestamp(6) NOT NULL);
CREATE TABLE products (id bigserial PRIMARY KEY, name varchar NOT NULL, slug varchar, price numeric(10,2),
  created_at timestamp(6) NOT NULL);
CREATE TABLE products_taxons (id bigserial PRIMARY KEY, product_id bigint NOT NULL REFERENCES products (id),
  taxon_id bigint NOT NULL REFERENCES taxons (id), created_at timestamp(6) NOT NULL);
CREATE TABLE orders (id bigserial PRIMARY KEY, number varchar NOT NULL, user_id bigint NOT NULL REFERENCES users (id), state varchar,
  total numeric(10,2), ship_address_id bigint REFERENCES addresses (id), special_instructions text, created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL);
CREATE UNIQUE INDEX index_orders_on_number ON orders (number);
CREATE INDEX index_orders_on_user_id ON orders (user_id);
CREATE TABLE line_items (id bigserial PRIMARY KEY, order_id bigint NOT NULL REFERENCES orders (id),
  product_id bigint NOT NULL REFERENCES products (id), quantity integer NOT NULL, price numeric(10,2), created_at timestamp(6) NOT NULL);
CREATE INDEX index_line_items_on_order_id ON line_items (order_id);
CREATE TABLE reviews (id bigserial PRIMARY KEY, product_id bigint NOT NULL REFERENCES products (id),
  user_id bigint NOT NULL REFERENCES users (id), rating integer, body text, moderated_by_id bigint REFERENCES users (id),
  created_at timestamp(6) NOT NULL);
CREATE TABLE sessions (id bigserial PRIMARY KEY, session_id varchar NOT NULL, data text, created_at timestamp(6) NOT NULL,
  updated_at timestamp(6) NOT NULL);
CREATE UNIQUE INDEX index_sessions_on_session_id ON sessions (session_id);
CREATE TABLE active_storage_blobs (id bigserial PRIMARY KEY, key varchar NOT NULL, filename varchar NOT NULL, content_type varchar,
  byte_size bigint NOT NULL, checksum varchar, created_at timestamp(6) NOT NULL);
CREATE TABLE active_storage_attachments (id bigserial PRIMARY KEY, name varchar NOT NULL, record_type varchar NOT NULL,
  record_id bigint NOT NULL, blob_id bigint NOT NULL REFERENCES active_storage_blobs (id), created_at timestamp(6) NOT NULL);
CREATE UNIQUE INDEX index_active_storage_attachments ON active_storage_attachments (record_type, record_id, name, blob_id);
"""
PEOPLE = (
    ("Balthasar", "Ostrowe", "Gorse Hill 3", "+44 20 555 0119"),
    ("Wilhelmine", "Zauner", "Amselgrund 17", "+49 89 555 0163"),
    ("Ignatius", "Zauner", "Plover Street 8", "+44 20 555 0188"),
    ("Seraphine", "Oduya", "Teal Yard 21", "+44 20 555 0157"),
)
"""The second asks to be forgotten; the third has her family name."""
WHO = 2
SAID = (
    "please leave it with the locksmith next door",
    "the glaze of this teapot is crazed in two places",
    "it pours well and keeps warm until the second cup",
    "smaller than it looks, but the lid fits",
)
TRACES = ("Wilhelmine", "wilhelmine.zauner", "Amselgrund", "555 0163", SAID[0], SAID[1], "portrait-w17")
"""What only the one who asks has brought along."""
MADE = "2026-01-05 10:00:00.123456"


def make(url: str) -> None:
    """Make the tables in an empty database, and fill them."""
    lots = random.Random(11)
    with psycopg.connect(url) as db:
        db.execute(TABLES.encode())

        def add(table: str, **values: object) -> int:
            columns, marks = ", ".join(values), ", ".join(["%s"] * len(values))
            returning = "" if table in {"schema_migrations", "ar_internal_metadata"} else " RETURNING id"
            done = db.execute(f"INSERT INTO {table} ({columns}) VALUES ({marks}){returning}".encode(), tuple(values.values()))
            return int(done.fetchall()[0][0]) if returning else 0

        for version in ("20250101000001", "20250101000002"):
            add("schema_migrations", version=version)
        add("ar_internal_metadata", key="environment", value="production", created_at=MADE, updated_at=MADE)
        for name in ("Kitchen", "Teapots", "Cups"):
            add("taxons", name=name, parent_id=None if name == "Kitchen" else 1, created_at=MADE)
        for number in range(1, 9):
            add("products", name=f"Teapot no. {number}", slug=f"teapot-{number}", price=10 + number, created_at=MADE)
            add("products_taxons", product_id=number, taxon_id=number % 2 + 2, created_at=MADE)
        for number, (first, last, street, phone) in enumerate(PEOPLE, 1):
            at = f"2026-02-0{number} 0{number}:1{number}:2{number}.{lots.getrandbits(19) % 10**6:06d}"
            mail, packed = f"{first}.{last}@mail.example".lower(), base64.b64encode(lots.randbytes(24)).decode()
            user = add(
                "users", email=mail, encrypted_password=f"$2a$12${packed}", first_name=first, last_name=last, created_at=at, updated_at=at
            )
            home = add("addresses", user_id=user, street=street, city="Leeds", zipcode="LS1", phone=phone, created_at=at, updated_at=at)
            for each in range(2):
                note = SAID[0] if (user, each) == (WHO, 0) else None
                code = f"R{lots.getrandbits(40):012d}"
                order = add(
                    "orders", number=code, user_id=user, state="paid", total=21, ship_address_id=home, special_instructions=note,
                    created_at=at, updated_at=at,
                )  # fmt: skip
                for product in (number, number + each + 1):
                    add("line_items", order_id=order, product_id=product, quantity=1 + each, price=11, created_at=at)
            said = SAID[1] if user == WHO else SAID[2 + number % 2]
            add("reviews", product_id=number, user_id=user, rating=4, body=said, moderated_by_id=1 if number > 1 else None, created_at=at)
            data = base64.b64encode(json.dumps({"warden.user.user.key": [[user], packed]}).encode()).decode()
            add("sessions", session_id=f"2::{lots.getrandbits(256):064x}", data=data, created_at=at, updated_at=at)
            picture = f"portrait-{first[0].lower()}{street.rpartition(' ')[2]}.png"
            size = struct.calcsize("<q") * 4096 + number
            blob = add(
                "active_storage_blobs", key=f"{lots.getrandbits(140):028x}", filename=picture, content_type="image/png", byte_size=size,
                checksum=base64.b64encode(lots.randbytes(16)).decode(), created_at=at,
            )  # fmt: skip
            add("active_storage_attachments", name="avatar", record_type="User", record_id=user, blob_id=blob, created_at=at)

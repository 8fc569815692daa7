"""What lies in a PostgreSQL server: every schema of the database that the role can see, and other databases."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from psycopg import conninfo

from expunge.core.datamap.datamap import StoreSpec
from expunge.ports.optional.surroundings import Near, NearAside, NearTables, NearUnseen
from expunge.stores.postgres.server.connection import Connection

_DATABASES = """
SELECT datname, datallowconn, pg_catalog.has_database_privilege(oid, 'CONNECT') FROM pg_catalog.pg_database
WHERE NOT datistemplate AND datname <> pg_catalog.current_database() ORDER BY 1
"""
_PROVIDERS = {"rdsadmin": "Amazon RDS", "cloudsqladmin": "Google Cloud SQL", "azure_maintenance": "Azure", "azure_sys": "Azure"}


def surroundings(connection: Connection, spec: StoreSpec) -> Iterator[Near]:
    """Yield the database, and the others of the server. Raises psycopg.Error."""
    yield NearTables("postgres", spec.url)
    for name, allowed, may in connection.execute(_DATABASES.encode()).fetchall():
        place = f"the database {name}"
        if name in _PROVIDERS and not (allowed and may):
            yield NearAside(place, f"{_PROVIDERS[name]} keeps it for itself, and lets nobody in")
        elif not allowed or not may:
            yield NearUnseen(place, "the role may not connect to it" if allowed else "it takes no connections")
        else:
            where = conninfo.make_conninfo(spec.url, dbname=name)
            yield NearTables("postgres", where, place, _url(spec.url, name), secret=_has_secret(spec.url))


def _has_secret(url: str) -> bool:
    return "password" in conninfo.conninfo_to_dict(url)


def _url(url: str, database: str) -> str:
    """The address of another database of the same server, without a password."""
    parts = urlsplit(url)
    user, at, host = parts.netloc.rpartition("@")
    query = [(key, value) for key, value in parse_qsl(parts.query) if key not in {"dbname", "password"}]
    netloc = f"{user.partition(':')[0]}{at}{host}"
    return urlunsplit((parts.scheme, netloc, f"/{quote(database, safe='')}", urlencode(query), ""))

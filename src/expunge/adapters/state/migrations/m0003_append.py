"""Append in one call of the server: a function on PostgreSQL. SQLite needs none, because it is in the same process."""

from __future__ import annotations

from typing import ClassVar

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

_LABEL = b"expunge/journal/1\0".hex()
_APPEND = f"""
CREATE FUNCTION expunge_append(
    names text[],        -- streams, each once, in the order of their names
    expected bigint[],   -- how many events each has
    whose integer[],     -- of each new event, its stream: a number from 1 into the names
    bodies bytea[],      -- the new events
    under text,          -- name of the lease that this is written under; null for none
    token bigint,        -- its fencing token
    giving_back boolean  -- whether the lease ends with this
) RETURNS boolean LANGUAGE plpgsql AS $$
-- Whether it was done. Where anything is in the way nothing is written, and the caller asks step by step for what it is.
DECLARE
    ids bigint[];
    heads bytea[];
    lengths bigint[] := expected;
    stream record;
    previous bytea;
    i integer;
BEGIN
    IF under IS NOT NULL THEN
        PERFORM 1 FROM expunge_lease l WHERE l.name = under AND l.id = token FOR SHARE;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
    END IF;
    FOR i IN 1 .. cardinality(names) LOOP
        SELECT s.id, s.length, s.head INTO stream FROM expunge_stream s WHERE s.name = names[i] FOR UPDATE;
        IF NOT FOUND OR stream.length <> expected[i] OR stream.length < 1 THEN
            RETURN false;
        END IF;
        ids[i] := stream.id;
        heads[i] := stream.head;
    END LOOP;
    FOR i IN 1 .. cardinality(names) LOOP
        IF expected[i] = 1 THEN
            previous := sha256('\\x{_LABEL}'::bytea || convert_to(names[i], 'UTF8'));
        ELSE
            SELECT e.digest INTO previous FROM expunge_event e WHERE e.stream_id = ids[i] AND e.position = expected[i] - 2;
        END IF;
        PERFORM 1 FROM expunge_event e
            WHERE e.stream_id = ids[i] AND e.position = expected[i] - 1 AND e.digest = heads[i] AND sha256(previous || e.body) = e.digest;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
        PERFORM 1 FROM expunge_event e WHERE e.stream_id = ids[i] AND e.position >= expected[i];
        IF FOUND THEN
            RETURN false;
        END IF;
    END LOOP;
    FOR number IN 1 .. cardinality(bodies) LOOP
        i := whose[number];
        heads[i] := sha256(heads[i] || bodies[number]);
        INSERT INTO expunge_event (stream_id, position, digest, body) VALUES (ids[i], lengths[i], heads[i], bodies[number]);
        lengths[i] := lengths[i] + 1;
    END LOOP;
    FOR i IN 1 .. cardinality(names) LOOP
        UPDATE expunge_stream s SET length = lengths[i], head = heads[i] WHERE s.id = ids[i];
    END LOOP;
    IF giving_back THEN
        DELETE FROM expunge_lease l WHERE l.name = under AND l.id = token;
    END IF;
    RETURN true;
END;
$$"""  # noqa: S608 - constants


def _make(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
    if editor.connection.vendor == "postgresql":
        editor.execute(_APPEND)


class Migration(migrations.Migration):
    """Make the function."""

    dependencies: ClassVar = [("expunge_state", "m0002_server")]

    operations: ClassVar = [migrations.RunPython(_make, migrations.RunPython.noop)]

"""Names that PostgreSQL gives to the files in its data folder (``Database File Layout`` of its manual), and what lies there besides."""

from __future__ import annotations

import re
from pathlib import Path

from expunge.ports.optional.file_listing import NameFile, StoreFile

_RELATION = r"(t\d+_)?\d+(_(fsm|vm|init))?(\.\d+)?"
_CATALOGUE = rf"{_RELATION}|pg_filenode\.map|pg_internal\.init(\.\d+)?|pg_control|PG_VERSION|pgsql_tmp/.*"
_WRITTEN = re.compile(
    rf"base/(\d+/)?({_CATALOGUE})|global/({_CATALOGUE})|pg_tblspc/\d+/PG_[^/]+/(\d+/)?({_CATALOGUE})|PG_[^/]+/(\d+/)?({_CATALOGUE})"
    r"|pg_wal/([0-9A-F]{24}(\.partial|\.[0-9A-F]{8}\.backup)?|[0-9A-F]{8}\.history|xlogtemp\.\d+|archive_status/.*|summaries/.*)"
    r"|pg_(xact|subtrans|multixact/(members|offsets)|commit_ts|serial|notify|twophase)/[0-9A-F]+"
    r"|pg_(stat|stat_tmp)/[^/]+\.(stat|tmp)|pg_stat/pg_stat_statements\.stat|pg_stat_tmp/pgss_query_texts\.stat"
    r"|pg_logical/(replorigin_checkpoint|mappings/.*|snapshots/.*)|pg_replslot/.*|pg_dynshmem/.*|pg_snapshots/.*"
    r"|PG_VERSION|postmaster\.(pid|opts)|postgresql(\.auto)?\.conf|pg_(hba|ident)\.conf|current_logfiles|backup_label(\.old)?|tablespace_map"
)


def naming(data: Path) -> NameFile:
    """Return what tells files of a server's data folder from others that lie there; table spaces elsewhere count as the server's."""
    root = data.resolve()

    def name(path: Path) -> StoreFile | None:
        if not path.is_relative_to(root):
            return None
        key = path.relative_to(root).as_posix()
        return StoreFile(key, own=_WRITTEN.fullmatch(key) is not None)

    return name

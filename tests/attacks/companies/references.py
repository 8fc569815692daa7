"""Ways in which data refers to people: tables or files beside the customers and their notes, an entry for each shape."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """One way in which data of a store refers to people."""

    name: str
    stores: tuple[str, ...]
    """Kinds of store that can hold it."""
    sql: str = ""
    """Tables and rows; ``<id>``, ``<bela>`` and the other words of the cast are filled in, here and below."""
    files: tuple[tuple[str, str], ...] = ()
    """Paths and contents of files."""
    lake: tuple[tuple[str, str], ...] = ()
    """Paths of Parquet files and their columns as JSON."""
    datasets: tuple[str, ...] = ()
    """Lines of the map, with STORE for the store."""
    mention: str = ""
    """The column of other people's rows that names the person: ``messages.recipient``."""
    free: bool = False
    """Whether the column is free text, which stays without a rule."""
    single: bool = True
    """Whether the cell holds nothing but the identifier, so that it can be emptied or replaced."""
    refers: bool = False
    """Whether the schema makes it a reference: then it cannot stay, and stands in the way until the map says what to do."""
    stay: int = 0
    """How many rows or entries that name the customer who leaves and another stay, changed or not."""

    def rules(self, store: str) -> tuple[str | None, ...]:
        """Return the rules that a map may have for the mention, none first."""
        if not self.mention or store == "files":
            return (None,)
        if self.refers:
            return (None, "null", "replace")
        return (None, "null", "replace", "keep") if self.single else (None, "keep")


SQL = ("sqlite", "postgres")
_LIFE = "retention: life"


def _table(name: str, subject: str, more: str = "") -> str:
    return f"{name}: {{store: STORE, table: {name}, subject: {subject}, {_LIFE}{more}}}"


def _path(name: str, path: str, subject: str, more: str = "") -> str:
    return f'{name}: {{store: STORE, path: "{path}", subject: {subject}, {_LIFE}{more}}}'


REFERENCES = (
    Reference("one column", ("sqlite", "postgres", "files", "parquet", "lancedb")),
    Reference(
        "several columns",
        SQL,
        "CREATE TABLE messages (n INTEGER PRIMARY KEY, sender TEXT, recipient TEXT, said TEXT);"
        "INSERT INTO messages VALUES (1, '<id>', '<bela>', '<later>'), (2, '<bela>', '<id>', 'to <name> about it'),"
        " (3, '<bela>', '<cara>', '<bela_said>'), (4, '<id>', '<id>', 'a word of <name>');",
        datasets=(_table("messages", "{customer: [sender, recipient]}"),),
    ),
    Reference(
        "recipient",
        SQL,
        "CREATE TABLE messages (n INTEGER PRIMARY KEY, sender TEXT, recipient TEXT, said TEXT);"
        "INSERT INTO messages VALUES (1, '<id>', '<bela>', '<later>'), (2, '<bela>', '<id>', '<bela_said>'), "
        "(3, '<bela>', '<cara>', NULL);",
        datasets=(_table("messages", "{customer: sender}"),),
        mention="messages.recipient",
        stay=1,
    ),
    Reference(
        "recipient in another spelling",
        SQL,
        "CREATE TABLE messages (n INTEGER PRIMARY KEY, sender TEXT, recipient TEXT, said TEXT);"
        "INSERT INTO messages VALUES (1, '<id>', '<bela>', '<later>'), (2, '<bela>', '<other>', '<bela_said>'), "
        "(3, '<bela>', '<cara>', NULL);",
        datasets=(_table("messages", "{customer: sender}"),),
        mention="messages.recipient",
        stay=1,
    ),
    Reference(
        "recipient with an index",
        SQL,
        "CREATE TABLE messages (n INTEGER PRIMARY KEY, sender TEXT, recipient TEXT, said TEXT);"
        "CREATE INDEX by_recipient ON messages (recipient, said); CREATE INDEX by_small ON messages (lower(recipient));"
        "INSERT INTO messages VALUES (1, '<id>', '<bela>', '<later>'), (2, '<bela>', '<id>', '<bela_said>'), "
        "(3, '<bela>', '<cara>', NULL);",
        datasets=(_table("messages", "{customer: sender}"),),
        mention="messages.recipient",
        stay=1,
    ),
    Reference(
        "self reference",
        SQL,
        "CREATE TABLE members (id TEXT PRIMARY KEY, referred_by TEXT REFERENCES members (id), said TEXT);"
        "INSERT INTO members VALUES ('<id>', NULL, '<later>'), ('<bela>', '<id>', '<bela_said>'), ('<cara>', "
        "'<bela>', NULL), ('u_deleted', NULL, NULL);",
        datasets=(_table("members", "{customer: id}"),),
        mention="members.referred_by",
        refers=True,
        stay=1,
    ),
    Reference(
        "composite key",
        SQL,
        "CREATE TABLE memberships (customer TEXT, club TEXT, said TEXT, PRIMARY KEY (customer, club));"
        "CREATE TABLE dues (customer TEXT, club TEXT, said TEXT, FOREIGN KEY (customer, club) REFERENCES memberships (customer, club));"
        "INSERT INTO memberships VALUES ('<id>', 'a', '<later>'), ('<id>', 'b', NULL), ('<bela>', 'a', '<bela_said>');"
        "INSERT INTO dues VALUES ('<id>', 'a', '<later> again'), ('<bela>', 'a', '<bela_said> again');",
        datasets=(_table("memberships", "{customer: customer}"), _table("dues", "{customer: customer}")),
    ),
    Reference(
        "composite key of two people",
        SQL,
        "CREATE TABLE friends (one TEXT, other TEXT, said TEXT, PRIMARY KEY (one, other));"
        "INSERT INTO friends VALUES ('<id>', '<bela>', '<later>'), ('<bela>', '<id>', "
        "'both of us and <name>'), ('<bela>', '<cara>', '<bela_said>');",
        datasets=(_table("friends", "{customer: [one, other]}"),),
    ),
    Reference(
        "through another table",
        SQL,
        "CREATE TABLE attachments (id INTEGER PRIMARY KEY, note INTEGER, said TEXT);"
        "INSERT INTO attachments VALUES (1, 1, '<later>'), (2, 4, '<bela_said>'), (3, 2, 'by <name>');",
        datasets=(_table("attachments", "{through: notes, via: {note: n}}"),),
    ),
    Reference(
        "through two tables",
        SQL,
        "CREATE TABLE attachments (id INTEGER PRIMARY KEY, note INTEGER, said TEXT);"
        "CREATE TABLE thumbnails (attachment INTEGER, said TEXT);"
        "INSERT INTO attachments VALUES (11, 1, 'about <later>'), (12, 4, '<bela_said>');"
        "INSERT INTO thumbnails VALUES (11, '<later>'), (12, '<bela_said>');",
        datasets=(
            _table("attachments", "{through: notes, via: {note: n}}"),
            _table("thumbnails", "{through: attachments, via: {attachment: id}}"),
        ),
    ),
    Reference(
        "list in a cell",
        SQL,
        "CREATE TABLE talks (n INTEGER PRIMARY KEY, people JSON, said TEXT);"
        """INSERT INTO talks VALUES (1, '["<id>", "<bela>"]', '<bela_said>'), (2, '["<id>"]', '<later>'), (3, """
        """'["<bela>", "<cara>"]', NULL);""",
        datasets=(_table("talks", "{customer: people}"),),
        stay=1,
    ),
    Reference(
        "list of objects in a cell",
        SQL,
        "CREATE TABLE talks (n INTEGER PRIMARY KEY, doc JSON, said TEXT);"
        """INSERT INTO talks VALUES (1, '{"members": [{"id": "<id>", "as": "<name>"}, {"id": "<bela>", "as": "guest"}]}', '<bela_said>'),"""
        """ (2, '{"members": [{"id": "<id>"}]}', '<later>');""",
        datasets=(_table("talks", "{customer: doc.members.id}"),),
        stay=1,
    ),
    Reference(
        "watchers in another's list",
        SQL,
        "CREATE TABLE tickets (n INTEGER PRIMARY KEY, customer TEXT, watchers TEXT);"
        """INSERT INTO tickets VALUES (1, '<bela>', '["<id>", "<cara>"]'), (2, '<id>', '["<bela>"]');""",
        datasets=(_table("tickets", "{customer: customer}"),),
        mention="tickets.watchers",
        single=False,
        stay=1,
    ),
    Reference(
        "document of another",
        SQL,
        "CREATE TABLE tickets (n INTEGER PRIMARY KEY, customer TEXT, doc JSON);"
        """INSERT INTO tickets VALUES (1, '<bela>', '{"opened": {"for": "<id>"}}'), (2, '<id>', '{"opened": {"for": "<bela>"}}');""",
        datasets=(_table("tickets", "{customer: customer}"),),
        mention="tickets.doc",
        single=False,
        stay=1,
    ),
    Reference(
        "key of a document of another",
        SQL,
        "CREATE TABLE tickets (n INTEGER PRIMARY KEY, customer TEXT, doc JSON);"
        """INSERT INTO tickets VALUES (1, '<bela>', '{"<id>": 3, "<cara>": 4}'), (2, '<id>', '{"<bela>": 5}');""",
        datasets=(_table("tickets", "{customer: customer}"),),
        mention="tickets.doc",
        single=False,
        stay=1,
    ),
    Reference(
        "path in another's row",
        SQL,
        "CREATE TABLE pictures (n INTEGER PRIMARY KEY, customer TEXT, path TEXT);"
        "INSERT INTO pictures VALUES (1, '<bela>', 'shared/<id>/portrait.png'), (2, '<id>', 'own.png');",
        datasets=(_table("pictures", "{customer: customer}"),),
        mention="pictures.path",
        single=False,
        stay=1,
    ),
    Reference(
        "address with a query in another's row",
        SQL,
        "CREATE TABLE pages (n INTEGER PRIMARY KEY, customer TEXT, address TEXT);"
        "INSERT INTO pages VALUES (1, '<bela>', 'https://shop.example/profile?who=<id>&from=mail'), (2, '<id>', 'https://shop.example/');",
        datasets=(_table("pages", "{customer: customer}"),),
        mention="pages.address",
        single=False,
        stay=1,
    ),
    Reference(
        "free text of another",
        SQL,
        "CREATE TABLE reviews (n INTEGER PRIMARY KEY, customer TEXT, said TEXT);"
        "INSERT INTO reviews VALUES (1, '<bela>', 'as I told <id> last week, the walnuts are ripe'), (2, '<id>', '<later>');",
        datasets=(_table("reviews", "{customer: customer}"),),
        mention="reviews.said",
        single=False,
        free=True,
        stay=1,
    ),
    Reference(
        "reference that the schema empties",
        SQL,
        "CREATE TABLE members (id TEXT PRIMARY KEY, said TEXT);"
        "CREATE TABLE gifts (n INTEGER PRIMARY KEY, customer TEXT, giver TEXT REFERENCES members (id) ON DELETE SET NULL);"
        "INSERT INTO members VALUES ('<id>', '<later>'), ('<bela>', '<bela_said>');"
        "INSERT INTO gifts VALUES (1, '<id>', '<bela>'), (2, '<cara>', '<id>');",
        datasets=(_table("members", "{customer: id}"), _table("gifts", "{customer: customer}")),
        stay=1,
    ),
    Reference(
        "element of an array of another",
        ("postgres",),
        "CREATE TABLE tickets (n int PRIMARY KEY, customer text, watchers text[]);"
        "INSERT INTO tickets VALUES (1, '<bela>', ARRAY['<id>', '<cara>']), (2, '<id>', ARRAY['<bela>']);",
        datasets=(_table("tickets", "{customer: customer}"),),
        mention="tickets.watchers",
        single=False,
        stay=1,
    ),
    Reference(
        "array of people",
        ("postgres",),
        "CREATE TABLE talks (n int PRIMARY KEY, people text[], said text); CREATE INDEX by_people ON talks USING gin (people);"
        "INSERT INTO talks VALUES (1, ARRAY['<id>', '<bela>'], '<bela_said>'), (2, ARRAY['<id>'], "
        "'<later>'), (3, ARRAY['<bela>', '<cara>'], NULL);",
        datasets=(_table("talks", "{customer: people}"),),
        stay=1,
    ),
    Reference(
        "field of a row type",
        ("postgres",),
        "CREATE TYPE contact AS (who text, phone text);"
        "CREATE TABLE tickets (n int PRIMARY KEY, customer text, asked contact);"
        "INSERT INTO tickets VALUES (1, '<bela>', ROW('<id>', '1')), (2, '<id>', ROW('<bela>', '2'));",
        datasets=(_table("tickets", "{customer: customer}"),),
        mention="tickets.asked",
        single=False,
        stay=1,
    ),
    Reference(
        "column of bytes of another",
        ("postgres",),
        "CREATE TABLE tickets (n int PRIMARY KEY, customer text, asked bytea);"
        "INSERT INTO tickets VALUES (1, '<bela>', '<id>'::bytea), (2, '<id>', '<bela>'::bytea);",
        datasets=(_table("tickets", "{customer: customer}"),),
        mention="tickets.asked",
        stay=1,
    ),
    Reference(
        "blob of another",
        ("sqlite",),
        "CREATE TABLE tickets (n INTEGER PRIMARY KEY, customer TEXT, asked BLOB);"
        "INSERT INTO tickets VALUES (1, '<bela>', CAST('<id>' AS BLOB)), (2, '<id>', CAST('<bela>' AS BLOB));",
        datasets=(_table("tickets", "{customer: customer}"),),
        mention="tickets.asked",
        stay=1,
    ),
    Reference(
        "escaped identifiers in records",
        ("files",),
        files=(("log/monday.jsonl", '{"who": "\\u0063<tail>", "said": "<later>"}\n{"who": "<bela>", "said": "<bela_said>"}\n'),),
        datasets=(_path("log", "log/{day}.jsonl", "{customer: who}", ", format: jsonl"),),
    ),
    Reference(
        "key that stands twice in records",
        ("files",),
        files=(("log/monday.jsonl", '{"who": "x", "who": "<id>", "said": "<later>"}\n{"who": "<bela>", "said": "<bela_said>"}\n'),),
        datasets=(_path("log", "log/{day}.jsonl", "{customer: who}", ", format: jsonl"),),
    ),
    Reference(
        "lists in records",
        ("files",),
        files=(("log/monday.jsonl", '{"who": ["<bela>", "<id>"], "n": 1}\n{"who": ["<id>"], "said": "<later>"}\n{"who": ["<bela>"]}\n'),),
        datasets=(_path("log", "log/{day}.jsonl", "{customer: who}", ", format: jsonl"),),
        stay=1,
    ),
    Reference(
        "lines of records",
        ("files",),
        files=(("log/monday.jsonl", '{"who": "<id>", "said": "<later>"}\n{"who": "<bela>", "said": "<bela_said>"}\n'),),
        datasets=(_path("log", "log/{day}.jsonl", "{customer: who}", ", format: jsonl"),),
    ),
    Reference(
        "rows of a spreadsheet",
        ("files",),
        files=(("sheets/may.csv", 'who,said\r\n<id>,"<later>, twice"\r\n<bela>,"<bela_said>"\r\n<cara>,\r\n'),),
        datasets=(_path("sheets", "sheets/{month}.csv", "{customer: who}", ", format: csv"),),
    ),
    Reference(
        "records in a document",
        ("files",),
        files=(
            (
                "clubs/chess.json",
                (
                    '{\n  "club": "chess",\n  "members": [\n    {"id": "<id>", "said": "<later>"},\n    {"id": "<bela>", '
                    '"said": "<bela_said>"}\n  ]\n}\n'
                ),
            ),
        ),
        datasets=(_path("clubs", "clubs/{club}.json", "{customer: id}", ", format: json, records: members"),),
    ),
    Reference(
        "document that is a list",
        ("files",),
        files=(("lists/may.json", '[{"id": "<bela>", "said": "<bela_said>"}, {"id": "<id>", "said": "<later>"}]'),),
        datasets=(_path("lists", "lists/{month}.json", "{customer: id}", ", format: json, records: ."),),
    ),
    Reference(
        "list of identifiers in a document",
        ("files",),
        files=(("lists/may.json", '{"people": ["<bela>", "<id>", "<cara>"], "said": "<bela_said>"}'),),
        datasets=(_path("lists", "lists/{month}.json", "{customer: people}", ", format: json"),),
    ),
    Reference(
        "nested field of records",
        ("files",),
        files=(("log/monday.jsonl", '{"user": {"id": "<id>"}, "said": "<later>"}\n{"user": {"id": "<bela>"}, "said": "<bela_said>"}\n'),),
        datasets=(_path("log", "log/{day}.jsonl", "{customer: user.id}", ", format: jsonl"),),
    ),
    Reference(
        "names of files",
        ("files",),
        files=(
            ("audio/<id>/take-1.txt", "<later>"),
            ("audio/<bela>/take-1.txt", "<bela_said>"),
            ("audio/<bela>/take-2.txt", "<cara_said>"),
        ),
        datasets=(_path("audio", "audio/{customer}/{take}.txt", "{customer: customer}"),),
    ),
    Reference(
        "identifier in another's record",
        ("files",),
        files=(("log/monday.jsonl", '{"who": "<bela>", "to": "<id>"}\n{"who": "<id>", "to": "<bela>", "said": "<later>"}\n'),),
        datasets=(_path("log", "log/{day}.jsonl", "{customer: who}", ", format: jsonl"),),
        mention="log.to",
        stay=1,
    ),
    Reference(
        "column of a lake",
        ("parquet",),
        lake=(("visits/monday.parquet", '{"who": ["<id>", "<bela>"], "said": ["<later>", "<bela_said>"]}'),),
        datasets=(_path("visits", "visits/{day}.parquet", "{customer: who}"),),
    ),
    Reference(
        "list in a lake",
        ("parquet",),
        lake=(
            (
                "talks/monday.parquet",
                '{"people": [["<id>", "<bela>"], ["<id>"], ["<cara>"]], "said": ["<bela_said>", "<later>", "<cara_said>"]}',
            ),
        ),
        datasets=(_path("talks", "talks/{day}.parquet", "{customer: people}"),),
        stay=1,
    ),
    Reference(
        "several columns of a lake",
        ("parquet",),
        lake=(
            (
                "calls/monday.parquet",
                (
                    '{"caller": ["<id>", "<bela>", "<bela>"], "called": ["<bela>", "<id>", "<cara>"], '
                    '"said": ["<later>", "<name>", "<bela_said>"]}'
                ),
            ),
        ),
        datasets=(_path("calls", "calls/{day}.parquet", "{customer: [caller, called]}"),),
    ),
    Reference(
        "other column of a lake",
        ("parquet",),
        lake=(("visits/monday.parquet", '{"who": ["<id>", "<bela>"], "host": ["<bela>", "<id>"], "said": ["<later>", "<bela_said>"]}'),),
        datasets=(_path("visits", "visits/{day}.parquet", "{customer: who}"),),
        mention="visits.host",
        stay=1,
    ),
    Reference(
        "field of a structure in a lake",
        ("parquet",),
        lake=(
            (
                "visits/monday.parquet",
                '{"who": ["<id>", "<bela>"], "met": [{"id": "<bela>", "n": 1}, {"id": "<id>", "n": 2}], "said": ["<later>", null]}',
            ),
        ),
        datasets=(_path("visits", "visits/{day}.parquet", "{customer: who}"),),
        mention="visits.met",
        single=False,
        stay=1,
    ),
    Reference(
        "list of structures in a lake",
        ("parquet",),
        lake=(
            (
                "visits/monday.parquet",
                '{"who": ["<id>", "<bela>"], "met": [[{"id": "<bela>"}], [{"id": "<id>"}, {"id": "<cara>"}]], "said": ["<later>", null]}',
            ),
        ),
        datasets=(_path("visits", "visits/{day}.parquet", "{customer: who}"),),
        mention="visits.met",
        single=False,
        stay=1,
    ),
    Reference(
        "folder of a lake",
        ("parquet",),
        lake=(
            ("parts/who=<id>/0.parquet", '{"said": ["<later>", "<name>"]}'),
            ("parts/who=<bela>/0.parquet", '{"said": ["<bela_said>"]}'),
        ),
        datasets=(_path("parts", "parts/who={who}/{part}.parquet", "{customer: who}"),),
    ),
)

"""The words that a proposal recognises. Names outside these lists may be people's, so they are never written down."""

from __future__ import annotations

import re

KINDS = {
    "account": "accounts",
    "user": "users",
    "customer": "customers",
    "household": "households",
    "family": "families",
    "guardian": "guardians",
    "parent": "parents",
    "profile": "profiles",
    "child": "children",
    "member": "members",
    "speaker": "speakers",
    "student": "students",
    "patient": "patients",
    "player": "players",
    "subject": "subjects",
    "person": "people",
}
"""Identity kind -> its plural; owners before those who belong to them."""

ALSO = ("email", "e_mail", "email_address", "mail", "phone", "phone_number", "serial", "serial_number")
"""Columns by which the same person may be named."""

MEDIA = ("flac", "wav", "mp3", "ogg", "opus", "m4a", "aac", "pcm", "raw", "mp4", "mov", "mkv", "webm", "avi", "jpg", "jpeg", "png", "heic")
RECORDS = {"jsonl": "jsonl", "ndjson": "jsonl", "csv": "csv"}
OTHERS = ("json", "txt", "xml", "yaml", "log", "bin", "npy", "parquet", "onnx", "pt", "db", "sqlite", "sqlite3", "faiss", "index", "ids")
KNOWN_ENDINGS = (
    *("zip", "tar", "tgz", "7z", "bak", "old", "sql", "dump", "pdf", "doc", "docx", "odt", "rtf", "xls", "xlsx", "ods", "ppt", "pptx"),
    *("htm", "html", "md", "eml", "msg", "mbox", "vcf", "ics", "tsv", "toml", "ini", "cfg", "conf", "b64", "pickle", "pkl", "npz", "h5"),
    *("gif", "svg", "tif", "tiff", "bmp", "webp", "amr", "wma"),
)
"""Endings of other files, which are written down as they are."""
TRACKS = ("gpx", "geojson", "kml", "nmea", "fit", "tcx")
"""Endings of files that devices write along their way."""
CATEGORIES = {
    **dict.fromkeys(("flac", "wav", "mp3", "ogg", "opus", "m4a", "aac", "pcm"), "user.content.audio"),
    **dict.fromkeys(("mp4", "mov", "mkv", "webm", "avi"), "user.content.video"),
    **dict.fromkeys(("jpg", "jpeg", "png", "heic"), "user.content.photo"),
    **dict.fromkeys(TRACKS, "user.location.precise"),
}
"""Ending of a file -> Fideslang category of what it holds."""
COMPRESSED = ("gz",)
JUNK = (".DS_Store", "Thumbs.db", "desktop.ini")

TIMES = (
    "recorded_at",
    "created_at",
    "created",
    "captured_at",
    "started_at",
    "sent_at",
    "date_joined",
    "timestamp",
    "time",
    "date",
    "joined_at",
)
"""Columns from which a period may run, the likeliest first."""
OTHER_TIMES = frozenset(
    {"birth", "birthday", "born", "dob", "expire", "expires", "expiry", "deleted", "updated", "due", "required", "last"}
)
"""Words of columns with a time that is not the one of making."""
CHANGES = frozenset({"update", "updated", "modified", "changed"})
"""Words of columns with the time of a change: it is never before the making."""
FIRST_NAMES = frozenset({"first_name", "firstname", "given_name", "givenname", "forename"})
LAST_NAMES = frozenset({"last_name", "lastname", "family_name", "familyname", "surname"})
CONTACTS = frozenset({"contact_name", "contactname", "contact_person", "contactperson"})
"""Columns that name whom to talk to at a company."""
CONTACT_WORDS = frozenset({"contact", "support", "billing", "sales", "office"})
"""Words of columns by which a company, and no person of its own, is reached."""
COMPANIES = frozenset({"company", "firm", "organisation", "organization", "vat", "companyname"})
"""Words of columns that only rows about companies have."""
PHONES = frozenset({"phone", "phones", "telephone", "tel", "mobile", "cell", "msisdn", "handy"})
THINGS = frozenset(
    {"price", "sku", "stock", "cost", "category", "description", "title", "quantity", "units", "weight", "country", "colour", "color"}
)
"""Words of columns that rows about things have: a name beside them is a thing's."""
LOGINS = frozenset({"username", "user_name", "login", "loginname", "login_name", "nickname", "handle"})
PERSONAL = frozenset(
    {
        *ALSO,
        *FIRST_NAMES,
        *LAST_NAMES,
        *LOGINS,
        "address",
        "street",
        "street_address",
        "address1",
        "address_line1",
        "birthday",
        "birth_date",
    }
    | {"date_of_birth", "dob", "fax", "mobile", "ip", "ip_address", "ssn", "full_name", "fullname", "latitude", "longitude"}
)
"""Columns that tell something about a person wherever they stand."""
ACTORS = frozenset(
    {"created", "modified", "updated", "approved", "reviewed", "deleted", "assigned", "uploaded", "changed", "edited", "moderated"}
    | {"approver", "reviewer", "editor", "assignee", "moderator", "support", "rep", "seller", "handler", "referred", "invited", "inviter"}
)
"""Words of columns that name who did something to a row, and not whose it is."""
OWNERS = frozenset(
    {"owner", "author", "buyer", "payer", "payee", "sender", "recipient", "receiver", "holder", "client", "guest", "borrower", "reader"}
    | {"uid", "who", "own", "owned", "belongs", "pupil", "learner", "tenant", "donor", "visitor", "subscriber"}
    | {"follower", "followed", "friend", "driver", "rider", "passenger", "speaker", "participant", "attendee", "applicant", "candidate"}
)
"""Words of columns that name whose a row is."""

_PLAIN = frozenset(
    """
    account accounts analytics answer answers app archive archived asset assets attachment attachments audio backup backups cache call
    calls camera cameras capture captures chat chats child children clip clips content conversation conversations csv customer customers
    daily data database dataset datasets db device devices doc docs document documents embedding embeddings event events export exports
    eval face faces feature features feed file files flac frame frames gps guardian history household households image images import
    incoming index input item items json label labels location locations log logs main map media member members message messages meta
    metadata metric metrics mic model models monthly motion note notes old output parent parents part participant participants patient
    patients photo photos picture pictures player players position positions processed profile profiles prompt prompts public queue raw
    rec record recording recordings records report reports request requests response responses room rooms sample samples segment segments
    sensor sensors server session sessions sidecar sidecars snapshot snapshots sound sounds speaker speakers speech state static store
    student students sub subject subjects task tasks telemetry temp test text texts thumb thumbs thumbnail thumbnails tmp track tracks
    trail trails train training transcript transcripts trip trips upload uploads usage user users utterance utterances vector vectors
    version video videos voice voices wake wav weekly word words yearly
    """.split()  # noqa: SIM905 - two hundred quotes read worse
)
_DATE = re.compile(r"(19|20)[0-9]{2}([-_]?[0-9]{2}){0,2}")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ID = re.compile(r"([a-z_]+?)_?(id|uuid|key|ref|no|number)?")


def words_of(name: str) -> tuple[str, ...]:
    """The words that a name of a schema is made of, in small letters: ``SupportRepId`` -> support, rep, id."""
    return tuple(part for part in re.split(r"[^a-z0-9]+", _CAMEL.sub("_", name).lower()) if part)


def is_plain(text: str) -> bool:
    """Return whether a name is made of everyday technical words only, so that it is no person's name."""
    parts = [part for part in re.split(r"[-_. ]+", _CAMEL.sub("_", text).lower()) if part]
    return bool(parts) and all(part in _PLAIN for part in parts)


def is_date(text: str) -> bool:
    """Return whether a name is a year, a month or a day."""
    return bool(_DATE.fullmatch(text))


def kind_of(field: str) -> str | None:
    """The identity kind that a column, key or placeholder names: ``profile_id``, ``profileId``, ``user`` -> profile, profile, user."""
    found = _ID.fullmatch(_CAMEL.sub("_", field).lower())
    stem = found[1].strip("_") if found else ""
    return "user" if field.lower() == "uid" else stem if stem in KINDS else None


def is_field(name: str) -> bool:
    """Return whether a key of a record may be written down: it names a kind of person or an everyday thing's id, never a person."""
    return kind_of(name) is not None or name in ALSO or (name.endswith("_id") and is_plain(name.removesuffix("_id")))


def home_of(table: str) -> str | None:
    """The identity kind that a table lists: ``profiles`` -> profile."""
    name = table.lower()
    return next((kind for kind, plural in KINDS.items() if name in {kind, plural} or name.endswith(f"_{plural}")), None)

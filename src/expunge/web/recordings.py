"""``PUT /api/v1/recordings/{id}``: recordings come in, whole or in parts, and go on to the process that seals them.

Nothing is kept between two requests: each says the recording, and the keeper knows how far the upload is.
"""

from __future__ import annotations

import json
import re
import threading
from base64 import b64decode
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from hashlib import sha256
from typing import Any, TypeVar

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI

from expunge.bootstrap.serving.server_door import Sent, ServerDoor
from expunge.errors import AlreadyThere, Busy, ExpungeError, Refused, SenderRefused, SessionGone, StoreFull, UsageError, WrongOffset
from expunge.ports.sender_door import Sender
from expunge.ports.vault.vault_door import TakenIn, UploadClaim, UploadDoor
from expunge.web.answers import Fault, Kept, Problem, Received
from expunge.web.guarding import Bearer, refusal, shown
from expunge.web.pieces import Part, part_of, pieces

MOST_AT_ONCE = 8
"""Uploads that are received at the same time: half of the server's threads, so that slow ones leave the others free."""
PATIENCE = 2.0
"""Seconds that an upload waits for another to end."""
_HANDS = ThreadPoolExecutor(MOST_AT_ONCE, "uploads")
OFFSET = "Upload-Offset"
RECORDING = "Expunge-Recording"
DIGEST = "Repr-Digest"
_PATH = "/api/v1/recordings/{id}"
_ID = re.compile(r"[A-Za-z0-9._~-]{16,128}")
_WORDS = {"dataset", "name", "fields", "subjects", "clear_before"}
_MOST_SUBJECTS = 64
T = TypeVar("T")
_FAULTS = dict.fromkeys((400, 401, 403, 405, 408, 409, 411, 415, 422, 429, 500, 503, 507), Fault)


class Going:
    """The requests that bring bytes of uploads: of each upload the newest alone, so that the bytes of two never mix."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._newest: dict[str, Turn] = {}

    @contextmanager
    def one(self, upload: str) -> Iterator[Turn]:
        """Be the newest request of an upload for the length of a block. An older one takes no further step."""
        turn = Turn()
        with self._guard:
            before = self._newest.get(upload)
            self._newest[upload] = turn
        if before is not None:
            before.end()
        try:
            yield turn
        finally:
            with self._guard:
                if self._newest.get(upload) is turn:
                    del self._newest[upload]


class Turn:
    """The turn of one request."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._is_over = False

    def take(self, act: Callable[[], T]) -> T:
        """Take one step. Raises Problem (409) where a newer request of the same upload has come."""
        with self._guard:
            if self._is_over:
                message = "another request goes on with this upload"
                raise Problem(409, message, "the upload", "ask how far it is (Content-Range: bytes */TOTAL); send one part at a time")
            return act()

    def end(self) -> None:
        """Let a newer request go on, after the step that is under way."""
        with self._guard:
            self._is_over = True


class Uploads:
    """A limit on the uploads that are received at once."""

    def __init__(self, most: int = MOST_AT_ONCE) -> None:
        self._free = threading.BoundedSemaphore(most)

    @contextmanager
    def one(self) -> Iterator[None]:
        """Hold a place for the length of a block. Raises Problem (503) where none gets free."""
        if not self._free.acquire(timeout=PATIENCE):
            raise Problem(503, "too many recordings come in at once", "the server", "send it again in a moment", retry_after=5)
        try:
            yield
        finally:
            self._free.release()


def add_recordings(api: NinjaAPI, door: ServerDoor, bearer: Bearer) -> None:
    """Add the endpoints of recordings to an API."""
    uploads, going = Uploads(), Going()

    @api.put(
        _PATH,
        auth=bearer,
        response={200: Kept, 201: Kept, 202: Received, **_FAULTS},
        operation_id="put_recording",
        summary="Send a recording, whole or in parts",
        openapi_extra={"requestBody": _BODY, "parameters": _HEADERS},
    )
    def put_recording(request: HttpRequest, response: HttpResponse, id: str) -> tuple[int, dict[str, Any]]:  # noqa: A002 - the word of the path
        """Take in a recording, sealed before it touches a disk, or a part of one; `id` is the sender's own for it, and random.

        A body without Content-Range is the whole recording, and begins anew what came under this id before. With `bytes FIRST-LAST/TOTAL`
        it is the part that goes on where the last one ended; `bytes */TOTAL` and an empty body ask how far it is. 201: it is in. 200: it
        was in already. 202: there is more to come, from `Upload-Offset` on. 409 has the right offset there, where a part is not the next
        one. Each request says the same of the recording. The name of no person belongs into `id`.
        """
        with uploads.one(), _told():
            claim, part, sending = _claim(request, door, id), part_of(request), door.senders.uploads(shown(request))
            if part.size == 0 and not part.whole:
                return _put(request, response, sending, claim, part, Turn())
            with going.one(claim.upload) as turn:
                return _put(request, response, sending, claim, part, turn)

    @api.delete(
        _PATH,
        auth=bearer,
        response={204: None, **dict.fromkeys((400, 401, 403, 429, 500, 503), Fault)},
        operation_id="delete_upload",
        summary="Give up an upload",
    )
    def delete_upload(request: HttpRequest, id: str) -> tuple[int, None]:  # noqa: A002 - the word of the path
        """Forget an upload that is not finished; nothing readable is left of it. A recording that is in stays in: orders erase those."""
        with _told():
            door.senders.uploads(shown(request)).drop_upload(_upload(request, id))
        return 204, None


def _put(
    request: HttpRequest, response: HttpResponse, door: UploadDoor, claim: UploadClaim, part: Part, turn: Turn
) -> tuple[int, dict[str, Any]]:
    received = turn.take(lambda: door.begin_upload(claim))
    if received and received == claim.size:
        return _known(request, response, door, claim, part)
    if part.whole and received:
        turn.take(lambda: door.drop_upload(claim.upload))
        received = turn.take(lambda: door.begin_upload(claim))
    if part.size and part.first != received:
        raise _elsewhere(received)
    received = _hand_on(door, claim.upload, received, pieces(request, part.size), turn)
    if part.total is None or received == part.total:
        taken = turn.take(lambda: door.finish_upload(claim.upload))
        return 201 if taken.fresh else 200, _kept(taken)
    response[OFFSET] = str(received)
    return 202, {"status": "incomplete", "received": received}


def _hand_on(door: UploadDoor, upload: str, received: int, coming: Iterator[bytes], turn: Turn) -> int:
    """Hand pieces on, reading the next while one is sealed. Return how many bytes are in."""
    going: Future[int] | None = None
    try:
        for piece in coming:
            if going is not None:
                received = going.result()
            going = _HANDS.submit(turn.take, partial(door.append_upload, upload, received, piece))
    finally:
        if going is not None:
            # Why before an error of the body is told: the sender asks next how far it is.
            wait([going])
    return received if going is None else going.result()


def _known(request: HttpRequest, response: HttpResponse, door: UploadDoor, claim: UploadClaim, part: Part) -> tuple[int, dict[str, Any]]:
    """Answer about an upload all of whose bytes are in: it is finished, if it was not; other bytes under its id are refused."""
    taken = door.finish_upload(claim.upload)
    if part.whole:
        digest = sha256()
        for piece in pieces(request, part.size):
            digest.update(piece)
        if digest.hexdigest() != taken.digest:
            message = "another recording came in under this id"
            raise Problem(409, message, "the body", "choose a new id for each recording")
    elif part.size and not claim.digest:
        # Whether these are the bytes that are in cannot be told.
        raise _elsewhere(taken.size)
    response[OFFSET] = str(taken.size)
    return 200, {**_kept(taken), "fresh": False}


def _kept(taken: TakenIn) -> dict[str, Any]:
    return {"status": "in", "recording": taken.id, "size": taken.size, "sha256": taken.digest, "fresh": taken.fresh}


# --- what a request says ------------------------------------------------------------------------


def _upload(request: HttpRequest, id_: str) -> str:
    """Return the keeper's token of an upload: each program has ids of its own. Raises Problem (400)."""
    if not _ID.fullmatch(id_):
        help_ = "choose 16 to 128 letters, digits, or signs of . _ ~ -, at random: a UUID"
        raise Problem(400, "this is no id of an upload", "the last part of the path", help_)
    sender: Sender = request.auth  # type: ignore[attr-defined]
    return sha256(f"{sender.id}\0{id_}".encode()).hexdigest()


def _claim(request: HttpRequest, door: ServerDoor, id_: str) -> UploadClaim:
    upload = _upload(request, id_)
    part = part_of(request)
    said = _said(request)
    sent = Sent(said["dataset"], said.get("name", ""), said.get("fields", {}), tuple(map(tuple, said.get("subjects", ()))))
    return UploadClaim(upload, sent.dataset, door.name(sent), sent.subjects, said.get("clear_before", False), _digest(request), part.total)


def _said(request: HttpRequest) -> dict[str, Any]:
    """Return what the header says of the recording. Raises Problem (400)."""
    text = request.headers.get(RECORDING, "")
    try:
        said = json.loads(text) if text.isascii() else None
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict) or not said.keys() <= _WORDS or not _fits(said):
        raise Problem(400, "it does not say which recording this is", f"the header {RECORDING}", _EXAMPLE)
    return said


def _fits(said: dict[str, Any]) -> bool:
    fields, subjects = said.get("fields", {}), said.get("subjects", [])
    return (
        _is_text(said.get("dataset"))
        and ("name" in said) != ("fields" in said)
        and _is_text(said.get("name", "x"))
        and isinstance(fields, dict)
        and all(map(_is_text, fields.values()))
        and isinstance(subjects, list)
        and len(subjects) <= _MOST_SUBJECTS
        and all(isinstance(each, list) and len(each) == 2 and all(map(_is_text, each)) for each in subjects)
        and isinstance(said.get("clear_before", False), bool)
    )


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value) and not any("\ud800" <= each <= "\udfff" for each in value)


def _digest(request: HttpRequest) -> str:
    """Return the claimed SHA-256 in hex; empty where none is claimed. Raises Problem (400)."""
    said = request.headers.get(DIGEST, "")
    for each in filter(None, (part.strip() for part in said.split(","))):
        name, _, value = each.partition("=")
        if name.strip() == "sha-256":
            found = re.fullmatch(r":([A-Za-z0-9+/]{43}=):", value.strip())
            if found is None:
                raise Problem(400, "this is no SHA-256", f"the header {DIGEST}", "send sha-256=:BASE64:, as RFC 9530 has it")
            return b64decode(found[1]).hex()
    return ""


# --- what is answered ---------------------------------------------------------------------------


@contextmanager
def _told() -> Iterator[None]:
    """Turn errors of the vault into answers."""
    try:
        yield
    except WrongOffset as error:
        raise _elsewhere(error.received) from None
    except SessionGone as error:
        help_ = "send it again from the beginning; nothing readable is left of what came"
        raise Problem(409, error.message, "the upload", help_, headers={OFFSET: "0"}) from None
    except SenderRefused as error:
        raise refusal(error) from None
    except Refused as error:
        raise Problem(403, error.message, "the recording", error.help) from None
    except AlreadyThere as error:
        raise Problem(409, error.message, "the recording", error.help) from None
    except UsageError as error:
        raise Problem(422, error.message, "the recording", error.help) from None
    except StoreFull as error:
        raise Problem(507, error.message, "the vault", error.help, retry_after=60) from None
    except Busy as error:
        raise Problem(503, error.message, "the vault", error.help, retry_after=5) from None
    except ExpungeError as error:
        help_ = f"this request was not carried out: send it again later; recordings that are in stay sealed, and stay in. {error.help}"
        raise Problem(503, error.message, "the vault", help_, retry_after=5) from None


def _elsewhere(received: int) -> Problem:
    message = f"{received} bytes of this recording are in, and another place was named"
    help_ = f"go on from there: Content-Range: bytes {received}-LAST/TOTAL"
    return Problem(409, message, "the header Content-Range", help_, headers={OFFSET: str(received)})


_EXAMPLE = (
    'send JSON in ASCII, with \\uXXXX for other characters: {"dataset": "doorbell", '
    '"fields": {"profile_id": "p-17", "recording_id": "r-1"}, "subjects": [["profile", "p-18"]]}; or "name" instead of "fields"'
)
_BODY = {"required": True, "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}}


def _header(name: str, description: str, example: str, *, required: bool = False) -> dict[str, Any]:
    return {
        "in": "header",
        "name": name,
        "required": required,
        "description": description,
        "schema": {"type": "string"},
        "example": example,
    }


_HEADERS = [
    _header(
        RECORDING,
        "The recording, in JSON of ASCII characters: `dataset`, and `fields` (placeholder of a path -> value) or `name` (by a path); "
        "`subjects`, pairs of kind and identifier of further people in it; `clear_before`, whether it lay on a disk in the clear before. "
        "Here and not in the URL, because URLs are written down on the way.",
        '{"dataset": "doorbell", "fields": {"profile_id": "p-17", "recording_id": "r-1"}}',
        required=True,
    ),
    _header(DIGEST, "The SHA-256 of the whole recording (RFC 9530).", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"),
    _header(
        "Content-Range",
        "`bytes FIRST-LAST/TOTAL` for a part, `bytes */TOTAL` to ask how far it is (RFC 9110, 14.4).",
        "bytes 0-1048575/9000000",
    ),
]

"""The words of version 6 of the receipt page. Released: do not change them."""

from __future__ import annotations

from collections.abc import Mapping

from expunge.core.datamap.artefact import DataKind
from expunge.core.datamap.datamap import EraseAct
from expunge.core.datamap.grounding import Grounding
from expunge.core.values.order import OrderKind
from expunge.core.values.outcome import Reason

KINDS: Mapping[DataKind, tuple[str, str]] = {
    DataKind.ACCOUNT: ("account", "accounts"),
    DataKind.PROFILE: ("profile", "profiles"),
    DataKind.DEVICE: ("device", "devices"),
    DataKind.CONSENT: ("record of a consent", "records of consents"),
    DataKind.VOICE: ("voice recording", "voice recordings"),
    DataKind.VIDEO: ("video", "videos"),
    DataKind.PICTURE: ("picture", "pictures"),
    DataKind.DETAILS: ("entry about a recording", "entries about recordings"),
    DataKind.TRANSCRIPT: ("transcript", "transcripts"),
    DataKind.MESSAGE: ("message", "messages"),
    DataKind.CONVERSATION: ("conversation", "conversations"),
    DataKind.VOICEPRINT: ("voiceprint", "voiceprints"),
    DataKind.FACEPRINT: ("faceprint", "faceprints"),
    DataKind.EMBEDDING: ("embedding", "embeddings"),
    DataKind.LOCATION: ("location point", "location points"),
    DataKind.EVENT: ("usage event", "usage events"),
    DataKind.NOTE: ("reviewer's note", "reviewers' notes"),
    DataKind.EXAMPLE: ("training example", "training examples"),
    DataKind.CONTENTS: ("search entry", "search entries"),
    DataKind.SEGMENT: ("entry in a group", "entries in groups"),
    DataKind.MODEL: ("model", "models"),
    DataKind.COPY: ("copy", "copies"),
    DataKind.BACKUP: ("backup", "backups"),
    DataKind.RECORD: ("record", "records"),
}
"""Kind -> its noun for one and for several."""
FROM = {
    OrderKind.ERASURE: "a request to erase",
    OrderKind.WITHDRAWAL: "a consent that was taken back",
    OrderKind.EXPIRY: "the end of the published keeping time",
    OrderKind.INACTIVITY: "a long time without use",
    OrderKind.DISGORGEMENT: "an order of a court or regulator",
}
DONE: Mapping[EraseAct, str] = {
    EraseAct.ERASE: "erased",
    EraseAct.FORGET: "made to forget this person",
    EraseAct.REBUILD: "made anew without this person's data",
    EraseAct.RETRAIN: "trained anew without this person's data",
    EraseAct.DESTROY: "destroyed as a whole",
    EraseAct.KEEP: "kept",
}
DEPTH: Mapping[Grounding, str] = {
    Grounding.NONE: "Nothing could be verified.",
    Grounding.HIDDEN: "Verified: no system shows it any more. The data itself may still lie there.",
    Grounding.REMOVED: "Verified: no file or table in use holds it. Old versions, logs or free space may.",
    Grounding.SCRUBBED: "Verified: no file holds a trace of it, old versions, logs and free space included.",
    Grounding.DEVICE: "Verified: its disk was discarded, or was encrypted with a key that no longer exists.",
}
BUT_OTHERS = "Verified: no file holds a trace of it, but for words that data of other people has as well."
_AGAIN = "The company can try again."
WHY: Mapping[Reason, str] = {
    Reason.READER_OPEN: f"A program still reads it. {_AGAIN}",
    Reason.LOCKED: f"Another program holds it. {_AGAIN}",
    Reason.PERMISSION: "The company's own program was not allowed to erase it.",
    Reason.CORRUPT: "It is damaged, and cannot be read.",
    Reason.ENCRYPTED: "It is encrypted, and nobody could read it.",
    Reason.DISK_FULL: f"There was no room to rewrite it. {_AGAIN}",
    Reason.UNREACHABLE: f"The system that holds it could not be reached. {_AGAIN}",
    Reason.SCHEMA_CHANGED: "The system that holds it was changed, and the company has to say how.",
    Reason.REFERENCED: "Other data depends on it.",
    Reason.UNSUPPORTED: "The system that holds it cannot erase it.",
    Reason.NO_RUNNER: "The company has no program to do it.",
    Reason.COMMAND_FAILED: "The company's program for it failed.",
    Reason.TOO_LONG: "The company's program for it took too long.",
    Reason.TOO_MUCH_MEMORY: "The company's program for it needed more memory than there was.",
    Reason.SAME_AS_BEFORE: "The company's program for it changed nothing.",
    Reason.TOO_SHALLOW: "The system that holds it cannot erase as thoroughly as the company has to.",
    Reason.OUTSIDE_WINDOW: "It is erased at hours that the company has set, and they have not come yet.",
    Reason.RESIDUE: "Traces of it were found afterwards.",
    Reason.MENTIONED: "Records of other people still name this person.",
    Reason.CANNOT_TELL: "Whether it is gone could not be told.",
    Reason.CAME_BACK: "It was erased, and came back.",
    Reason.ERROR: "Something went wrong.",
}

"""Trust policies: the trusted signers, logs and witnesses (C2SP tlog-policy, plus ``signer``, ``approver`` and ``since`` lines).

One item a line: ``signer <vkey>``, ``log <vkey> [<url>]``, ``witness <name> <vkey> [<url>]``, ``group <name> <k|any|all> <name>...``,
``approver <name> <key>``, ``since <time> <vkey>`` and one ``quorum <name|none>``. The file is UTF-8. :func:`parse` accepts the form of
C2SP (comments, blank lines, any order of kinds, spaces and tabs). :func:`parse_canonical` accepts only the output of
:meth:`TrustPolicy.encode`, which is the form that travels with a receipt.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from expunge.core.approver_keys import parse_approver_key
from expunge.core.note import Algorithm, VerifierKey, parse_key
from expunge.errors import EvidenceInvalid

NONE = "none"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_HELP = "see docs/spec/trust-policy.md for the form of the file"


@dataclass(frozen=True)
class NamedKey:
    """A log or witness: its key, the name used in groups (witnesses only), and where to reach it."""

    key: VerifierKey
    url: str = ""
    name: str = ""


@dataclass(frozen=True)
class Group:
    """A group of witnesses. It has witnessed a checkpoint when at least ``threshold`` of its members have.

    Members are witnesses or earlier groups, by name.
    """

    name: str
    threshold: str
    """``any``, ``all`` or a decimal between 1 and the number of members."""
    members: tuple[str, ...]

    @property
    def needed(self) -> int:
        """The number of members that must have witnessed."""
        return {"any": 1, "all": len(self.members)}.get(self.threshold) or int(self.threshold)


@dataclass(frozen=True)
class KeyStart:
    """The moment from which a key of the policy counts."""

    at: datetime
    """Aware, in whole seconds."""
    key: VerifierKey


@dataclass(frozen=True)
class NamedApprover:
    """The key of a person who approves plans. Only policies that readers keep name any."""

    name: str
    key: str
    """Its text, as :mod:`expunge.core.approver_keys` reads it."""


@dataclass(frozen=True)
class KeyLife:
    """From when until when a key counts; None where the policy does not say."""

    since: datetime | None
    until: datetime | None


@dataclass(frozen=True)
class TrustPolicy:
    """The parsed file. Raises EvidenceInvalid when it contradicts itself."""

    signers: tuple[VerifierKey, ...]
    logs: tuple[NamedKey, ...]
    witnesses: tuple[NamedKey, ...] = ()
    groups: tuple[Group, ...] = ()
    quorum: str = NONE
    starts: tuple[KeyStart, ...] = ()
    approvers: tuple[NamedApprover, ...] = ()
    """Where there are any, the plan of a receipt may have been approved by no other key."""

    def __post_init__(self) -> None:
        _check_kinds(self.signers, {Algorithm.ED25519}, "signer")
        _check_kinds((log.key for log in self.logs), {Algorithm.ED25519, Algorithm.ECDSA_P256}, "log")
        _check_kinds((witness.key for witness in self.witnesses), {Algorithm.COSIGNATURE}, "witness")
        _check_words(self)
        _check_groups(self)
        _check_starts(self)
        _check_approvers(self)

    def encode(self) -> bytes:
        """The one canonical spelling: signers, logs, witnesses, groups, approvers, starts, quorum, single spaces, no comments."""
        lines = [f"signer {key}" for key in self.signers]
        lines += [f"log {log.key} {log.url}".rstrip() for log in self.logs]
        lines += [f"witness {witness.name} {witness.key} {witness.url}".rstrip() for witness in self.witnesses]
        lines += [f"group {group.name} {group.threshold} {' '.join(group.members)}" for group in self.groups]
        lines += [f"approver {approver.name} {approver.key}" for approver in self.approvers]
        lines += [f"since {start.at.astimezone(UTC).strftime(_TIME)} {start.key}" for start in self.starts]
        return "".join(f"{line}\n" for line in [*lines, f"quorum {self.quorum}"]).encode("utf-8")

    def checkpoint_keys(self, origin: str) -> tuple[VerifierKey, ...]:
        """Keys that may sign a checkpoint of the log ``origin``, in the order in which their lines must stand."""
        return (*(log.key for log in self.logs if log.key.name == origin), *(witness.key for witness in self.witnesses))

    def life_of(self, key: VerifierKey) -> KeyLife:
        """Return the life of a key. It ends when a later key of the same role, name and kind starts, which is how a key is rotated."""
        starts = {start.key: start.at for start in self.starts}
        role = next((role for role in self._roles() if key in role), ())
        own = starts.get(key)
        alike = (other for other in role if other != key and (other.name, other.algorithm) == (key.name, key.algorithm))
        later = [starts[other] for other in alike if other in starts and (own is None or starts[other] > own)]
        return KeyLife(own, min(later, default=None))

    def log_since(self, origin: str) -> datetime | None:
        """Return the start of the first key of a log; None where the policy does not say it of the first."""
        starts = [self.life_of(log.key).since for log in self.logs if log.key.name == origin]
        known = [start for start in starts if start is not None]
        return min(known) if known and len(known) == len(starts) else None

    def _roles(self) -> tuple[tuple[VerifierKey, ...], ...]:
        logs, witnesses = (tuple(each.key for each in role) for role in (self.logs, self.witnesses))
        return self.signers, logs, witnesses

    def witnessed_by(self, keys: Iterable[VerifierKey]) -> bool:
        """Return whether cosignatures by ``keys`` meet the quorum."""
        signed = set(keys)
        met = {witness.name for witness in self.witnesses if witness.key in signed}
        for group in self.groups:
            if len(met.intersection(group.members)) >= group.needed:
                met.add(group.name)
        return self.quorum == NONE or self.quorum in met


def parse(data: bytes) -> TrustPolicy:
    """Parse a policy as a person may have written it. Raises EvidenceInvalid, naming the line."""
    signers: list[VerifierKey] = []
    logs: list[NamedKey] = []
    witnesses: list[NamedKey] = []
    groups: list[Group] = []
    starts: list[KeyStart] = []
    quorums: list[str] = []
    approvers: list[NamedApprover] = []
    known = {NONE}
    for number, words in _lines(data):
        match words:
            case ["signer", key]:
                signers.append(parse_key(key))
            case ["log", key, *url] if len(url) < 2:
                logs.append(NamedKey(parse_key(key), *url))
            case ["witness", name, key, *url] if len(url) < 2 and name not in known:
                witnesses.append(NamedKey(parse_key(key), url[0] if url else "", name))
                known.add(name)
            case ["group", name, threshold, *members] if members and name not in known and known.issuperset(members):
                groups.append(Group(name, threshold, tuple(members)))
                known.add(name)
            case ["approver", name, *key] if key:
                approvers.append(NamedApprover(name, " ".join(key)))
            case ["since", time, key]:
                starts.append(KeyStart(_parse_time(time), parse_key(key)))
            case ["quorum", name] if not quorums and name in known:
                quorums.append(name)
            case _:
                message = f"trust policy, line {number}: not understood, repeated, or naming something that is not defined above"
                raise EvidenceInvalid(message, help=_HELP)
    if not quorums:
        raise EvidenceInvalid("trust policy: the quorum line is missing", help="write `quorum none` where no witness is asked for")
    return TrustPolicy(tuple(signers), tuple(logs), tuple(witnesses), tuple(groups), quorums[0], tuple(starts), tuple(approvers))


def parse_canonical(data: bytes) -> TrustPolicy:
    """Parse a policy that must be spelled as :meth:`TrustPolicy.encode` spells it. Raises EvidenceInvalid."""
    policy = parse(data)
    if policy.encode() != data:
        raise EvidenceInvalid("the trust policy is not in its one spelling", help="use trust-policy.txt byte for byte as issued")
    return policy


def _lines(data: bytes) -> list[tuple[int, list[str]]]:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EvidenceInvalid("the trust policy is not UTF-8", help=_HELP) from error
    if any((letter < " " and letter not in "\t\n") or letter == "\x7f" for letter in text):
        raise EvidenceInvalid("the trust policy holds control characters", help=_HELP)
    if text and not text.endswith("\n"):
        raise EvidenceInvalid("the trust policy's last line is not ended", help="it was cut off; copy it again")
    numbered = ((number, line.replace("\t", " ").split(" ")) for number, line in enumerate(text.split("\n"), 1))
    split = [(number, [word for word in words if word]) for number, words in numbered]
    return [(number, words) for number, words in split if words and not words[0].startswith("#")]


def _parse_time(text: str) -> datetime:
    try:
        time = datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        time = None
    if time is None or time.strftime(_TIME) != text:
        raise EvidenceInvalid("trust policy: a time is not of the form 2026-11-28T17:51:07Z", help=_HELP)
    return time


def _check_starts(policy: TrustPolicy) -> None:
    """Every start is of a key that the policy names, and no key has two."""
    named = {key for role in policy._roles() for key in role}  # noqa: SLF001 - the class above
    started = [start.key for start in policy.starts]
    if not named.issuperset(started) or len(set(started)) != len(started):
        raise EvidenceInvalid("trust policy: a since line names a key twice, or one that the policy does not name", help=_HELP)


def _check_approvers(policy: TrustPolicy) -> None:
    for each in policy.approvers:
        parse_approver_key(each.key)
        if not each.name or any(letter <= " " for letter in each.name):
            raise EvidenceInvalid("trust policy: the name of an approver is empty or holds spaces", help=_HELP)
    if len(set(policy.approvers)) != len(policy.approvers):
        raise EvidenceInvalid("trust policy: an approver's key is listed twice", help=_HELP)


def _check_kinds(keys: Iterable[VerifierKey], allowed: set[Algorithm], what: str) -> None:
    seen: set[bytes] = set()
    for key in keys:
        if key.algorithm not in allowed:
            message = f"trust policy: a {what} key is of a kind that does not belong there"
            raise EvidenceInvalid(message, help=_HELP)
        if key.key in seen:
            message = f"trust policy: a {what} key is listed twice"
            raise EvidenceInvalid(message, help=_HELP)
        seen.add(key.key)


def _check_words(policy: TrustPolicy) -> None:
    """A name or URL is one word; anything else would come back from its line as something else."""
    words = [each.url for each in (*policy.logs, *policy.witnesses) if each.url]
    words += [*_names(policy), policy.quorum]
    if any(not word or any(letter <= " " or letter == "\x7f" for letter in word) for word in words):
        raise EvidenceInvalid("trust policy: a name or address is empty or holds spaces", help=_HELP)


def _names(policy: TrustPolicy) -> list[str]:
    return [witness.name for witness in policy.witnesses] + [group.name for group in policy.groups]


def _check_groups(policy: TrustPolicy) -> None:
    defined = {witness.name for witness in policy.witnesses}
    used: list[str] = []
    for group in policy.groups:
        good = group.threshold in ("any", "all") or group.threshold in {str(k) for k in range(1, len(group.members) + 1)}
        used += group.members
        if not good or not group.members or not defined.issuperset(group.members):
            message = f"trust policy: group {group.name} has a threshold or member that cannot be"
            raise EvidenceInvalid(message, help=_HELP)
        defined.add(group.name)
    names = _names(policy)
    if NONE in names or len(set(names)) != len(names) or len(set(used)) != len(used) or policy.quorum not in {*names, NONE}:
        raise EvidenceInvalid("trust policy: a name is used twice, reserved, or not defined", help=_HELP)

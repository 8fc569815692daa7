"""Tell who could read the objects of a bucket beside Expunge: by its lists, policy and website, and by the service's own credentials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from expunge.core.values.outcome import Reason
from expunge.ports.review.ways_in import Way, WayIn, WayUnseen
from expunge.stores.s3.bucket_connection import Bucket
from expunge.stores.s3.client import BucketTrouble

ANYBODY = "every person on the internet"
ACCOUNTS = "every account of the provider"
OBJECTS_LOOKED_AT = 20
"""Objects whose own lists are asked for; the rest is said to be unseen."""
_GROUPS = {"AllUsers": ANYBODY, "AuthenticatedUsers": ACCOUNTS}
_NONE = frozenset(
    {
        "NoSuchBucketPolicy",
        "NoSuchWebsiteConfiguration",
        "ServerSideEncryptionConfigurationNotFoundError",
        "NoSuchPublicAccessBlockConfiguration",
    }
)
_READS = ("*", "s3:*", "s3:Get*", "s3:GetObject*", "s3:GetObject", "s3:GetObjectVersion")
_STATIC = frozenset({"explicit", "env", "shared-credentials-file", "config-file"})
_SEAL = "`expunge vault adopt` seals the recordings, so that objects alone show nothing"


def ways_to(bucket: Bucket, where: str) -> Iterator[Way]:
    """Yield who could read the objects of a bucket.

    Args:
        bucket: the bucket, with the service's credentials.
        where: how a finding names it.

    Raises BucketTrouble where the service is out of reach.
    """
    yield from _acl(bucket, where)
    yield from _policy(bucket, where)
    website = yield from _asked(bucket, "get_bucket_website", where, "whether it is a website")
    if website:
        yield WayIn(ANYBODY, "the bucket is served as a website", where, f"take the website away; {_SEAL}")
    encryption = yield from _asked(bucket, "get_bucket_encryption", where, "whether the provider encrypts it")
    if encryption is not None and not encryption.get("ServerSideEncryptionConfiguration", {}).get("Rules"):
        how = "the bucket has no encryption at rest"
        yield WayIn("who gets at the provider's disks", how, where, f"switch encryption on (SSE-KMS or SSE-S3); {_SEAL}")
    yield from _objects(bucket, where)
    yield from _credentials(bucket, where)


def _asked(bucket: Bucket, operation: str, where: str, what: str, **arguments: object) -> Any:
    """Return an answer about the bucket; empty where there is none of that, None (and a way unseen) where it may not be asked."""
    try:
        return bucket.call(operation, **arguments)
    except FileNotFoundError:
        return {}
    except BucketTrouble as trouble:
        if trouble.code in _NONE:
            return {}
        if trouble.unable.reason is Reason.UNREACHABLE:
            raise
        yield WayUnseen(
            where, f"{what}: {trouble.unable.detail}", "give the service's key the right to ask, or look at the provider's console"
        )
        return None


def _acl(bucket: Bucket, where: str) -> Iterator[Way]:
    told = yield from _asked(bucket, "get_bucket_acl", where, "its access list")
    if told:
        yield from _granted(told, "the bucket's access list", where)


def _granted(told: Mapping[str, Any], what: str, where: str) -> Iterator[WayIn]:
    owner = told.get("Owner", {}).get("ID")
    for grant in told.get("Grants", ()):
        grantee, right = grant.get("Grantee", {}), grant.get("Permission", "")
        if right not in {"READ", "FULL_CONTROL"}:
            continue
        group = str(grantee.get("URI", "")).rpartition("/")[2]
        if group in _GROUPS:
            yield WayIn(_GROUPS[group], f"{what} gives it {right}", where, f"take the grant away, and block public access; {_SEAL}")
        elif grantee.get("ID") and grantee["ID"] != owner:
            yield WayIn(f"the provider's account {grantee['ID']}", f"{what} gives it {right}", where, f"take the grant away; {_SEAL}")


def _policy(bucket: Bucket, where: str) -> Iterator[Way]:
    told = yield from _asked(bucket, "get_bucket_policy", where, "its policy")
    for each in _statements(told.get("Policy") if told else None):
        if each.get("Effect") != "Allow" or not _reads(each):
            continue
        bounds = ", under conditions" if each.get("Condition") else ""
        for who in _principals(each.get("Principal")):
            shown = ANYBODY if who == "*" else f"the principal {who}"
            yield WayIn(shown, f"the bucket's policy lets it read{bounds}", where, f"take the statement away; {_SEAL}")


def _statements(policy: object) -> Sequence[Mapping[str, Any]]:
    import json

    try:
        found = json.loads(str(policy)).get("Statement", ()) if policy else ()
    except (ValueError, AttributeError):
        return ()
    return [found] if isinstance(found, dict) else [each for each in found if isinstance(each, dict)]


def _reads(statement: Mapping[str, Any]) -> bool:
    """Return whether a statement's actions have reading among them. One that says what it does not allow may allow that."""
    if "NotAction" in statement:
        return True
    actions = statement.get("Action", ())
    named = [actions] if isinstance(actions, str) else list(actions)
    return any(str(each).lower() in {word.lower() for word in _READS} for each in named)


def _principals(told: object) -> Sequence[str]:
    if isinstance(told, str):
        return [told]
    found: list[str] = []
    for value in told.values() if isinstance(told, dict) else ():
        found += [value] if isinstance(value, str) else [str(each) for each in value]
    return sorted(set(found))


def _objects(bucket: Bucket, where: str) -> Iterator[Way]:
    """Ask for the lists of some objects: each may be public by itself."""
    public: dict[str, int] = {}
    looked = 0
    for entry in islice(bucket.names(), OBJECTS_LOOKED_AT):
        told = yield from _asked(bucket, "get_object_acl", where, "access lists of its objects", Key=bucket.full(entry.key))
        if told is None:
            return
        looked += 1
        for way in _granted(told, "an object's access list", where):
            public[way.who] = public.get(way.who, 0) + 1
    for who, count in sorted(public.items()):
        how = f"access lists of {count} of the {looked} objects that were asked for let it read them"
        yield WayIn(who, how, where, f"take the grants away; {_SEAL}")
    if looked == OBJECTS_LOOKED_AT:
        yield WayUnseen(where, f"access lists of objects beyond the first {looked}", "forbid lists of objects (bucket owner enforced)")


def _credentials(bucket: Bucket, where: str) -> Iterator[Way]:
    """Say which credentials the service has, and what their holders can do with them."""
    held = getattr(bucket.client, "_request_signer")._credentials  # noqa: B009, SLF001 - the library has no other word for it
    method = getattr(held, "method", "") or "explicit"
    if held is None:
        yield WayIn(ANYBODY, "the service reads it without credentials", where, f"close the bucket; {_SEAL}")
        return
    how = "its key reads every object, and signs links that read one for up to seven days, of which no register here tells"
    if method in _STATIC:
        place = {"explicit": "the map's options", "env": "the environment"}.get(method, "a file of credentials on this machine")
        who = f"people who know the service's key, which lies in {place} and does not end"
        yield WayIn(who, how, where, f"give the service a role instead of a key that people could hold; {_SEAL}")
    else:
        yield WayIn("the service's own role", how, where, "let no person take on that role", own=True)

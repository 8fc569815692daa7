"""``expunge demo serve``: the company behind its pages, with logins for three families and links for its staff, until it is interrupted."""

from __future__ import annotations

import base64
import json
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from expunge import clock
from expunge.bootstrap import Expunge
from expunge.core.accounts.memberships import MembershipRole
from expunge.demo.company import office, services
from expunge.demo.company.build import write_map
from expunge.demo.company.narration import Narrator
from expunge.demo.company.people import OWN_ORDER, PARENT_ORDERS, Household
from expunge.demo.company.stage import Stage
from expunge.demo.company.world import World
from expunge.demo.serving import staffing
from expunge.demo.serving.mailbox import DemoLetter, Mailbox, running_mailbox
from expunge.demo.serving.staffing import StaffLink
from expunge.demo.serving.visitor import Visitor
from expunge.demo.story import doorbells, opening
from expunge.demo.story.chapters import LOGINS, SEED, SERVERS, clear
from expunge.demo.voices.speech import Speech
from expunge.errors import UsageError
from expunge.servers.processes import ServerFailed, free_ports
from expunge.testing.desk.browser import code_at

_LATEST = "1 minute"
_ROUND = 1.0
"""Seconds between two looks for passkeys that wait to be confirmed."""
ISSUER = "https://app.lantern.example"
_WORDS = (
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "harbour", "island", "juniper", "kestrel", "lantern", "meadow", "north",
    "orchard", "pebble", "quarry",
)  # fmt: skip
_SECTION = """\
cooling_off: {cooling}
accounts:
  origin: {origin}
  mail: {{server: "smtp://127.0.0.1:{port}", sender: privacy@lantern.example}}
  password_memory: 19 MiB
  handover: {{issuer: {issuer}, keys: {{app-1: {key}}}}}
"""


@dataclass(frozen=True)
class Login:
    """A person of the company who can log in."""

    name: str
    address: str
    password: str
    seed: str
    """Of the code app, in Base32."""
    people: tuple[str, ...]
    """The names of the persons for whom the account may act."""

    @property
    def code(self) -> str:
        """The code that the app shows now."""
        return code_at(self.seed, clock.timestamp())


def serve(
    folder: Path,
    *,
    port: int = 0,
    seed: int = SEED,
    speech: Speech | None = None,
    narrator: Narrator | None = None,
    host: str = "localhost",
) -> None:
    """Build the company in ``folder``, serve it, and tell who can log in how, until SIGINT or SIGTERM.

    Args:
        folder: new, empty, or that of an earlier demonstration, which is replaced.
        port: of the pages; 0 for a free one.
        seed: of the company.
        speech: where the voices come from; the best that can be had when None.
        narrator: who tells it; the terminal when None.
        host: the name by which a browser on this machine finds the pages.

    Raises:
        UsageError: the folder holds something else.
        Misconfigured, ServerFailed: something that it takes is not installed, or does not start.
    """
    teller = narrator or Narrator()
    clear(folder)
    with (
        services.running(folder / SERVERS, folder / "world") as running,
        running_mailbox() as box,
    ):
        running.announce()
        stage = opening.company(folder, teller, running, seed, speech, keep_before=False, workers=0)
        opening.undeclared(stage)
        doorbells.ringing(stage)
        origin = f"http://{host}:{port or free_ports(1)[0]}"
        key = Ed25519PrivateKey.generate()
        _add_pages(stage, box, origin, key)
        with _serving(folder, origin), Expunge.open(stage.map) as expunge:
            logins = _logins(stage, box, origin, key)
            _tell(teller, folder, origin, logins)
            staffed = bool(stage.rings) and not office.lacking()
            if staffed:
                _tell_staff(stage, origin, logins, staffing.invited(expunge))
            teller.say("Ctrl-C ends it.")
            box.told = lambda letter: _tell_letter(teller, letter)
            _wait_for_the_end((lambda: staffing.confirm_keys(expunge, lambda label: _tell_key(teller, label))) if staffed else None)


def logins_of(folder: Path) -> tuple[Login, ...]:
    """Return the logins of a served demonstration. Raises UsageError where the folder has none."""
    try:
        told: list[dict[str, Any]] = json.loads((folder / LOGINS).read_text("utf-8"))
    except FileNotFoundError:
        message = f"no demonstration is served from {folder}"
        raise UsageError(message, help="expunge demo serve DIR") from None
    return tuple(Login(**each | {"people": tuple(each["people"])}) for each in told)


def _add_pages(stage: Stage, box: Mailbox, origin: str, key: Ed25519PrivateKey) -> None:
    """Let guardians' orders be carried out without an officer's approval, a minute after they came in."""
    path = write_map(stage.world, with_export=True, state=stage.state)
    public = base64.b64encode(key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
    section = _SECTION.format(origin=origin, port=box.port, cooling=_LATEST, issuer=ISSUER, key=public)
    path.write_text(path.read_text("utf-8") + section, "utf-8")


@contextmanager
def _serving(folder: Path, origin: str) -> Iterator[None]:
    command = (sys.executable, "-m", "expunge", "serve", "--json", "--port", origin.rpartition(":")[2])
    with (folder / SERVERS / "serve.log").open("w") as said:
        process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=said, start_new_session=True)
        try:
            assert process.stdout is not None
            if not process.stdout.readline():
                message = "the pages could not be served"
                raise ServerFailed(message, help=f"see {folder / SERVERS / 'serve.log'}")
            yield
        finally:
            process.terminate()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()


def _logins(stage: Stage, box: Mailbox, origin: str, key: Ed25519PrivateKey) -> tuple[Login, ...]:
    """Have each person sign up, and take the company's word for whose guardian they are."""
    made = []
    for name, address, roles in _members(stage.world):
        password = "-".join([*(secrets.choice(_WORDS) for _ in range(3)), str(secrets.randbelow(9000) + 1000)])
        before, visitor = len(box.letters), Visitor(origin)
        seed = visitor.sign_up(address, password, partial(box.code_for, address, before))
        visitor.hand_over(_token(key, origin, address, roles), seed)
        made.append(Login(name, address, password, seed, tuple(label for _, label, _ in roles)))
    path = stage.folder / LOGINS
    path.touch(mode=0o600)
    path.write_text(json.dumps([asdict(each) for each in made], ensure_ascii=False, indent=1), "utf-8")
    return tuple(made)


def _token(key: Ed25519PrivateKey, origin: str, address: str, roles: Sequence[tuple[str, str, MembershipRole]]) -> str:
    """Return the company's word for the roles of an account, signed as its app would sign it."""
    import jwt

    now = int(clock.timestamp())
    families = [{"subject": f"profile:{profile}", "role": role.value} for profile, _, role in roles]
    claims = {
        "iss": ISSUER, "aud": origin, "jti": secrets.token_hex(8), "iat": now, "exp": now + 600,
        "address": sha256(address.encode()).hexdigest(), "families": families,
    }  # fmt: skip
    return jwt.encode(claims, key, algorithm="EdDSA", headers={"typ": "handover+jwt", "kid": "app-1"})


def _members(world: World) -> Iterator[tuple[str, str, Sequence[tuple[str, str, MembershipRole]]]]:
    """Yield name and address of one adult of each of three households, and the persons for whom that one may act."""
    for asked in (OWN_ORDER, *PARENT_ORDERS):
        home = next(home for home in world.households if any(each.name == asked for each in home.profiles))
        adult = next(
            each for each in home.profiles if each.email and (not each.child) and (each.name == asked or asked not in _adults(home))
        )
        children = [(each.profile_id, each.name, MembershipRole.GUARDIAN) for each in home.profiles if each.child]
        yield adult.name, adult.email, [(adult.profile_id, adult.name, MembershipRole.SELF), *children]


def _adults(home: Household) -> set[str]:
    return {each.name for each in home.profiles if not each.child}


def _tell(narrator: Narrator, folder: Path, origin: str, logins: Sequence[Login]) -> None:
    with narrator.chapter("At the pages"):
        rows = [(each.name, ", ".join(each.people), each.address, each.password) for each in logins]
        narrator.table("Who can log in", ["person", "sees", "email", "password"], rows, numbers=4)
        narrator.say(f"Open {origin}/ in a browser on this machine, and log in as one of them. A code app confirms what matters. Its code:")
        narrator.command(f"expunge demo code {folder}")
        narrator.say(
            "Look at what is held, open the recordings, stop a use, delete, and watch the places become empty one by one. Letters to these "
            "people are shown here, and go nowhere else."
        )
        narrator.say(
            "A passkey of your own works too (Your account, Ways to log in). It confirms after a day, since it was added. To try one "
            "without a device, let Chromium have a virtual authenticator: developer tools, More tools, WebAuthn, Enable, Add (ctap2, "
            "internal, with resident keys and user verification)."
        )


def _tell_staff(stage: Stage, origin: str, logins: Sequence[Login], links: Sequence[StaffLink]) -> None:
    filmed = stage.rings[0].person.name
    member = next(each for each in logins if filmed in each.people)
    family = {"address": member.address, "password": member.password, "seed": member.seed, "name": filmed}
    staffing.write_walk(stage, family)
    staffing.tell(stage.narrator, stage.folder, origin, links, stage.rings)


def _tell_key(narrator: Narrator, label: str) -> None:
    narrator.point(f"{label} made a passkey, and the operator confirmed it")


def _tell_letter(narrator: Narrator, letter: DemoLetter) -> None:
    parts = [f"code {letter.code}"] if letter.code else []
    narrator.point(": ".join([f"mail to {letter.to}", letter.subject, *parts, *letter.links]))


def _wait_for_the_end(each_second: Callable[[], None] | None) -> None:
    """Wait for SIGINT or SIGTERM, and do something in each second meanwhile."""
    ended = []
    before = {number: signal.signal(number, lambda *_: ended.append(True)) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        while not ended:
            if each_second is None:
                signal.pause()
                continue
            each_second()
            time.sleep(_ROUND)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

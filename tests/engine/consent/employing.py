"""An account of staff with a passkey, entered as the register and the keeper's tables have it."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from uuid import UUID

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from expunge import clock
from expunge.adapters.database.account_register_django import DjangoAccountRegister
from expunge.adapters.database.journal_django import DjangoJournal
from expunge.bootstrap import Expunge
from expunge.core.accounts.fingerprints import fingerprint
from expunge.core.accounts.staff import RIGHTS, JobFunction
from expunge.core.accounts.staff_events import ByMachineUser, StaffEnrolled, StaffInvited, StaffKeysConfirmed
from expunge.engine.accounts.staff_register import StaffStream
from expunge.ports.accounts.account_register import AccountRecord, CredentialRecord
from tests.approval_kit import DANA, SeededPasskey

ACCOUNT, CREDENTIAL = "6f1a2c34-0d5e-4b6f-8a7b-9c8d7e6f5a4b", sha256(b"credential").digest()
OMAR = ByMachineUser("omar")


def cose(passkey: SeededPasskey) -> bytes:
    """The public key as an authenticator tells it."""
    key = load_der_public_key(passkey.key.spki)
    assert isinstance(key, EllipticCurvePublicKey)
    x, y = (number.to_bytes(32, "big") for number in (key.public_numbers().x, key.public_numbers().y))
    return b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20" + x + b"\x22\x58\x20" + y


def enter(opened: Expunge, *events: object) -> None:
    StaffStream(opened.context.journal).enter(lambda _: events)  # type: ignore[arg-type, return-value]


def employ(opened: Expunge, function: JobFunction = JobFunction.OFFICER, *, confirmed: bool = True) -> None:
    """Have an account of staff with Dana's passkey."""
    now, digest = clock.now(), sha256(b"link").hexdigest()
    rights = tuple(sorted(RIGHTS[function]))
    enter(
        opened,
        StaffInvited(now, ACCOUNT, "dana-1", function, rights, OMAR, digest, now + timedelta(hours=72), "", first=False),
        StaffEnrolled(now, ACCOUNT, digest),
    )
    if confirmed:
        enter(opened, StaffKeysConfirmed(now, ACCOUNT, (fingerprint(CREDENTIAL),), OMAR))
    assert isinstance(opened.context.journal, DjangoJournal)
    register = DjangoAccountRegister(opened.context.journal.alias)
    register.open_account(AccountRecord(UUID(ACCOUNT), b"", "en", now))
    made = CredentialRecord(CREDENTIAL, UUID(ACCOUNT), cose(DANA), 1, True, True, b"", sha256(b"ceremony").digest(), now)
    register.add_credential(made, first=True)
    register.close()

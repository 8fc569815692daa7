"""The ways in which this process writes letters that it keeps a ledger of: itself, where it has the keys, else through the keeper."""

from __future__ import annotations

from dataclasses import dataclass

from expunge.adapters.keeper.families.keeper_letters import KeeperLetters
from expunge.adapters.keeper.place import KeeperPlace
from expunge.adapters.keys.field_seals import FieldSeals
from expunge.adapters.keys.local_keystore import LocalKeys
from expunge.bootstrap.accounts.guard_settings import settings_of
from expunge.bootstrap.accounts.kept_guard import NoLetters, delivery_of
from expunge.core.accounts.accounts_spec import AccountsSpec
from expunge.engine.accounts.family_letters import LocalFamilyLetters
from expunge.engine.accounts.owners import Owners
from expunge.errors import Misconfigured
from expunge.ports.accounts.account_register import AccountRegister
from expunge.ports.accounts.family_letters import FamilyLetters, LetterDelivery
from expunge.ports.keys import Keys


@dataclass(frozen=True)
class LetterDoors:
    """Letters to members of families, and to any address."""

    families: FamilyLetters
    delivery: LetterDelivery


def letter_doors(keys: Keys, spec: AccountsSpec | None, register: AccountRegister, keeper: KeeperPlace) -> LetterDoors:
    """Return the doors of a process.

    Args:
        keys: of the installation, opened here or at the keeper.
        spec: the map's section ``accounts``.
        register: the tables of accounts.
        keeper: the keeper's place.

    Raises Misconfigured for a map without accounts.
    """
    if spec is None:
        raise Misconfigured("the map has no section accounts: nothing says who is written to, and by which mail server", help="add one")
    if not isinstance(keys, LocalKeys):
        through = KeeperLetters(keeper)
        return LetterDoors(through, through)
    settings = settings_of(spec)
    owners = Owners(register, FieldSeals(keys.account_key()), NoLetters(), company=settings.company, site=settings.origin)
    delivery = delivery_of(settings)
    return LetterDoors(LocalFamilyLetters(register, owners, delivery), delivery)

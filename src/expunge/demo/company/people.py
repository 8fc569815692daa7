"""The families of the demonstration: their names, belongings, routes and sentences. All of it is made up.

Everything follows from one seed, except the sound of the voices.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

COMPANY = "Lantern"
"""The assistant that the company sells."""


@dataclass(frozen=True)
class Profile:
    """One person of a household."""

    profile_id: str
    account_id: str
    name: str
    email: str
    """Adults only; empty for a child."""
    birth_year: int
    child: bool
    language: str
    """Which recorded voice would suit: a language of the voice packages, or ``""``."""
    tablet: str
    """Serial of a device that is this person's alone, or ``""``."""
    places: tuple[tuple[float, float], ...]
    """Where the person's own device was: latitude and longitude in degrees."""


@dataclass(frozen=True)
class Household:
    """One account."""

    account_id: str
    surname: str
    email: str
    street: str
    hub: str
    """Serial of the device in the kitchen."""
    home: tuple[float, float]
    profiles: tuple[Profile, ...]


@dataclass(frozen=True)
class _Sketch:
    surname: str
    street: str
    home: tuple[float, float]
    holder: str
    """First name of whoever holds the account."""
    adults: tuple[tuple[str, int, str], ...]
    """First name, year of birth, language of a recorded voice."""
    children: tuple[tuple[str, int], ...]


_FAMILIES = (
    _Sketch("Hartley", "14 Quince Lane", (51.4552, -2.5966), "Tom",
            (("Alice", 1987, "en"), ("Tom", 1985, "")), (("Mia", 2016), ("Leo", 2013))),
    _Sketch("Sokolov", "8 Birch Court", (59.9386, 30.3141), "Vera", (("Vera", 1990, "ru"),), (("Миша", 2015), ("Аня", 2018))),
    _Sketch("Okafor", "3 Harbour Steps", (6.4541, 3.3947), "Emeka", (("Ngozi", 1984, ""), ("Emeka", 1982, "")), (("Adaeze", 2014),)),
    _Sketch("Tremblay", "221 rue des Érables", (46.8139, -71.2082), "Jeanne", (("Jeanne", 1979, "fr"),), (("Noé", 2012),)),
    _Sketch("Ferri", "via dei Tigli 5", (44.4949, 11.3426), "Giulia", (("Matteo", 1981, "it"), ("Giulia", 1983, "")), (("Elena", 2017),)),
    _Sketch("Navarro", "calle Sauce 77", (19.4326, -99.1332), "Diego",
            (("Lucía", 1988, "es"), ("Diego", 1986, "")), (("Sofía", 2014), ("Bruno", 2016))),
    _Sketch("Lindqvist", "Lindgatan 2", (59.3293, 18.0686), "Karin", (("Karin", 1980, ""),), (("Nils", 2011), ("Elsa", 2015))),
    _Sketch("Yilmaz", "Ihlamur Yokuşu 19", (41.0422, 29.0083), "Deniz", (("Deniz", 1989, ""),), (("Can", 2013),)),
    _Sketch("Brennan", "Flat 6, Mill Row", (53.3498, -6.2603), "Owen", (("Owen", 1994, ""),), ()),
)  # fmt: skip

PARENT_ORDERS = ("Миша Sokolov", "Adaeze Okafor")
"""The two children whose parents ask."""
OWN_ORDER = "Alice Hartley"
"""The adult who asks for herself."""

_RUSSIAN = (
    "расскажи сказку про лису и журавля", "почему снег скрипит под сапогами", "включи песню про зелёного кузнечика",
    "сколько будет сорок восемь разделить на шесть", "напомни взять скрипку на урок в среду", "как зовут самого большого кита на свете",
    "поставь будильник на половину восьмого", "где живут пингвины зимой и летом", "спой колыбельную для моей собаки",
    "какая завтра погода возле школы", "помоги сделать задачу про поезда", "скажи бабушке что я уже дома",
    "сколько лет черепахе в зоопарке", "придумай загадку про старый маяк", "кто построил мост через нашу реку",
    "почему луна идёт за нашей машиной", "назови пять птиц которые не летают", "выключи свет на лестнице пожалуйста",
)  # fmt: skip

_CHILD_STARTS = (
    "tell me a story about", "sing the song with", "why does my teacher talk about", "how do you draw", "play the sound of",
    "what would happen to", "help me write a poem about", "can we invent a game with",
)  # fmt: skip
_CHILD_THINGS = (
    "the whale and the lighthouse", "a dragon who is afraid of soup", "seven penguins on a bus", "the moon behind our garage",
    "my grandmother's blue bicycle", "a robot that collects buttons", "the fox under the bridge", "an orange submarine",
    "the castle made of blankets", "a spider called Marmalade", "the train to the mountains", "a snowman in summer",
)  # fmt: skip
_ADULT_STARTS = (
    "remind me tomorrow about", "put on the shopping list", "move to Thursday", "send a message about", "look up how to repair",
    "set a timer and then ask for", "call the shop about", "cancel what I said about", "read me the note on",
)  # fmt: skip
_ADULT_THINGS = (
    "the appointment at the eye clinic", "two kilos of quinces", "the leaking tap in the cellar", "a birthday cake with walnuts",
    "the parcel from the tailor", "the rehearsal of the choir", "winter tyres for the small car", "the letter from the landlord",
    "the key under the third flowerpot", "our table at the harbour", "the vet and the old cat", "bread flour and cardamom",
)  # fmt: skip


def households(seed: int) -> tuple[Household, ...]:
    """Nine households of twenty-five people, the same for the same seed."""
    random = Random(f"people {seed}")
    return tuple(_household(sketch, random) for sketch in _FAMILIES)


def _household(sketch: _Sketch, random: Random) -> Household:
    account = f"acc_{random.getrandbits(48):012x}"
    profiles = [_profile(account, sketch, name, year, language, random) for name, year, language in sketch.adults]
    profiles += [_profile(account, sketch, name, year, "child", random) for name, year in sketch.children]
    return Household(
        account_id=account,
        surname=sketch.surname,
        email=f"{sketch.surname.lower()}.home{random.randint(100, 999)}@mail.example",
        street=sketch.street,
        hub=_serial("HB", random),
        home=sketch.home,
        profiles=tuple(profiles),
    )


def _profile(account: str, sketch: _Sketch, name: str, year: int, language: str, random: Random) -> Profile:
    child = language == "child"
    carries = child or random.random() < 0.7 or f"{name} {sketch.surname}" == OWN_ORDER
    latitude, longitude = sketch.home
    return Profile(
        profile_id=f"prf_{random.getrandbits(64):016x}",
        account_id=account,
        name=f"{name} {sketch.surname}",
        email="" if child else f"{_plain(name)}.{sketch.surname.lower()}.{random.randint(10, 99)}@post.example",
        birth_year=year,
        child=child,
        language="" if child else language,
        tablet=_serial("TB" if child else "PH", random) if carries else "",
        places=tuple(
            (round(latitude + random.uniform(-0.04, 0.04), 6), round(longitude + random.uniform(-0.04, 0.04), 6))
            for _ in range(4 if carries else 0)
        ),
    )


def _serial(model: str, random: Random) -> str:
    letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    return f"LN{model}-" + "-".join("".join(random.choice(letters) for _ in range(4)) for _ in range(3))


def _plain(name: str) -> str:
    return name.lower().translate(str.maketrans("áéíóúñ", "aeioun"))


def sentences(everybody: tuple[Profile, ...], count: int, seed: int) -> dict[str, tuple[str, ...]]:
    """Return the sentences of each person, by profile: ``count`` sentences each, none said by two people."""
    random = Random(f"sentences {seed}")
    child = [f"{start} {thing}" for start in _CHILD_STARTS for thing in _CHILD_THINGS]
    adult = [f"{start} {thing}" for start in _ADULT_STARTS for thing in _ADULT_THINGS]
    russian = list(_RUSSIAN)
    for bank in (child, adult, russian):
        random.shuffle(bank)
    said = {}
    for person in everybody:
        bank = adult if not person.child else russian if person.name.endswith("Sokolov") else child
        said[person.profile_id] = tuple(bank.pop() for _ in range(count))
    return said


def espeak_voice(person: Profile, place: int) -> tuple[str, int, int, int]:
    """Return an espeak-ng voice, pitch (0 to 100), words a minute and loudness for the ``place``th person without a recorded voice.

    No two people are equally loud: a consonant's samples are the same at every pitch, and each recording must be its owner's alone.
    """
    rate, loudness = 150 + place % 20, 70 + place
    if person.child:
        base = "ru" if person.name.endswith("Sokolov") else "en-us"
        return f"{base}+f{2 + place % 4}", 84 + (place * 5) % 15, rate, loudness
    return f"en-us+{'mf'[place % 2]}{1 + place % 4}", 35 + (place * 11) % 30, rate, loudness

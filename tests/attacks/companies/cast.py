"""The people of a company: one who leaves and two who stay, with words that no other company has."""

from __future__ import annotations

import random
from dataclasses import dataclass

_WORDS = [
    "amber",
    "anchor",
    "apricot",
    "attic",
    "badger",
    "barley",
    "basket",
    "beacon",
    "birch",
    "biscuit",
    "blanket",
    "bonfire",
    "bramble",
    "bucket",
    "candle",
    "canyon",
    "cellar",
    "cherry",
    "chimney",
    "cinnamon",
    "clover",
    "cobbler",
    "compass",
    "copper",
    "cotton",
    "cradle",
    "cricket",
    "cuckoo",
    "dagger",
    "dandelion",
    "donkey",
    "drizzle",
    "ember",
    "falcon",
    "feather",
    "fiddle",
    "flannel",
    "forest",
    "fountain",
    "garlic",
    "gazelle",
    "ginger",
    "glacier",
    "goblet",
    "gooseberry",
    "granite",
    "hammock",
    "harbour",
    "harvest",
    "hazel",
    "hedgehog",
    "heron",
    "hollow",
    "honey",
    "icicle",
    "island",
    "ivory",
    "jasmine",
    "juniper",
    "kettle",
    "kitten",
    "ladder",
    "lagoon",
    "lantern",
    "lavender",
    "lemon",
    "lighthouse",
    "lobster",
    "magpie",
    "mandolin",
    "maple",
    "marble",
    "marigold",
    "meadow",
    "melon",
    "mirror",
    "mitten",
    "mustard",
    "napkin",
    "nettle",
    "nutmeg",
    "oboe",
    "orchard",
    "otter",
    "oyster",
    "paddle",
    "parsley",
    "pebble",
    "pepper",
    "piano",
    "pigeon",
    "pillow",
    "plum",
    "pocket",
    "pumpkin",
    "puzzle",
    "quarry",
    "quilt",
    "rabbit",
    "raven",
    "ribbon",
    "river",
    "rocket",
    "rosemary",
    "saddle",
    "saffron",
    "sailor",
    "scarf",
    "shovel",
    "silver",
    "sparrow",
    "spinach",
    "spruce",
    "squirrel",
    "stable",
    "sugar",
    "sunflower",
    "tangerine",
    "teapot",
    "thimble",
    "thistle",
    "thunder",
    "timber",
    "tortoise",
    "trumpet",
    "tulip",
    "tunnel",
    "turnip",
    "umbrella",
    "valley",
    "vanilla",
    "velvet",
    "violin",
    "waffle",
    "walnut",
    "walrus",
    "whisper",
    "willow",
    "window",
    "winter",
    "wizard",
    "wombat",
    "yarrow",
    "yogurt",
    "zebra",
    "zephyr",
]
_SIGNS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


@dataclass(frozen=True)
class Customer:
    """One customer."""

    id: str
    name: str
    said: tuple[str, str, str]


@dataclass(frozen=True)
class Cast:
    """The customers of one company."""

    anna: Customer
    """The customer who leaves."""
    bela: Customer
    cara: Customer
    quote: str
    """A sentence of the customer who leaves inside one of another customer."""

    @property
    def others(self) -> tuple[Customer, Customer]:
        """The customers who stay."""
        return self.bela, self.cara

    def words(self) -> dict[str, str]:
        """Return what a place or a reference may name in its text."""
        return {
            "id": self.anna.id,
            "tail": self.anna.id[1:],
            "name": self.anna.name,
            "said": self.anna.said[0],
            "later": self.anna.said[1],
            "bela": self.bela.id,
            "cara": self.cara.id,
            "bela_said": self.bela.said[0],
            "cara_said": self.cara.said[0],
            "quote": self.quote,
        }


def cast(seed: str) -> Cast:
    """Return the customers of the company with a name: the same each time, and others for each name."""
    draw = random.Random(seed)

    def customer() -> Customer:
        said = tuple(" ".join(draw.sample(_WORDS, 9)) for _ in range(3))
        return Customer("cus-" + "".join(draw.choices(_SIGNS, k=10)), " ".join(draw.sample(_WORDS, 4)), (said[0], said[1], said[2]))

    anna, bela, cara = customer(), customer(), customer()
    return Cast(anna, bela, cara, f"my sister always says: {anna.said[0]}, and so do I")

"""``python -m examples.whereabouts OUT``: a town, two models of it, what is published, and a child who is taken out of all three."""

from __future__ import annotations

import sys

from examples.common.estate import Estate, main


def _perform(estate: Estate, small: bool) -> None:
    from examples.whereabouts.story import tell

    tell(estate, small)


if __name__ == "__main__":
    sys.exit(main(_perform, "A town, two models of it, what is published of it, and a child who is taken out of all three."))

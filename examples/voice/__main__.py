"""``python -m examples.voice OUT``: models that tell voices apart, a child who is taken out of them, and what it costs those who stay."""

from __future__ import annotations

import sys

from examples.common.estate import Estate, main


def _perform(estate: Estate, small: bool) -> None:
    from examples.voice.story import tell

    tell(estate, small)


if __name__ == "__main__":
    sys.exit(main(_perform, "Models that tell voices apart, a child who is taken out of them, and what it costs those who stay."))

"""``python -m examples.camera OUT``: cameras at doors, what people looked at and taught models from, and an order that takes just that."""

from __future__ import annotations

import sys

from examples.common.estate import Estate, main


def _perform(estate: Estate, small: bool) -> None:
    from examples.camera.story import tell

    tell(estate, small)


if __name__ == "__main__":
    sys.exit(main(_perform, "Cameras at doors, what people looked at and taught models from, and an order that takes just that."))

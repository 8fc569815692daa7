"""``python -m expunge`` and the ``expunge`` command."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command line; never returns."""
    from expunge.cli.main import application

    try:
        application()()
    except BrokenPipeError:
        # Whoever read our output has gone; what they read was right. Keep the interpreter from writing to the pipe once more.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


if __name__ == "__main__":
    main()

"""The review desk: how staff come to see or hear a recording, and how it is shown."""

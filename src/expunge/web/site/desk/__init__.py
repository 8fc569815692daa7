"""The review desk's pages: how staff asks to see a recording, and sees it. They hold no recording and no right; the clerk decides."""

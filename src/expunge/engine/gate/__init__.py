"""The fence: who is suppressed, who has agreed, and the snapshot that says so."""

"""Pages on which employees manage people and rights, and look at sign-in attempts."""

"""Companies at which people have accounts already: real OpenID providers, each in a process of its own."""

"""One process that holds the keys of an installation, and its clients, which ask it over a socket of the same machine."""

"""One process that holds the keys of an installation, and whoever asks it over a socket of the same machine."""

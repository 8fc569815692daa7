"""The account guard of an installation: composed in the keeper, asked by the web process."""

"""Parts of an installation that are imported and made when a command first uses them."""

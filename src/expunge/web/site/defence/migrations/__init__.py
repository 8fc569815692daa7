"""Steps of the tables of the defence."""

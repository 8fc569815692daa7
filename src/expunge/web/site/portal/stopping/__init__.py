"""The pages on which a family stops things: what is done with the data, how long it is kept, and profiles that are not used."""

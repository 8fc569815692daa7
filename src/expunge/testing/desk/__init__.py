"""For checks of the review desk from outside: what is left of a recording in a rendition, staff at a browser, and a walk through all."""

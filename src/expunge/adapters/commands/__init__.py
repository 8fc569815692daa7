"""Run the commands of a map, each in a process of its own that is confined, watched and ended with all its children."""

"""Reads media that strangers made, inside a process that is closed: a closed list of forms, and bounds before anything is decoded."""

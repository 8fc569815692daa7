"""The machine that Expunge runs on: its clock, locks between processes, memory, and errors of its disk as sentences."""

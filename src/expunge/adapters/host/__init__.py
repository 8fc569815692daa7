"""What this machine offers: its clock, locks between processes, and errors of its disk as sentences."""

"""Pages on which a family answers requests of staff to see a recording, and bars such looks."""

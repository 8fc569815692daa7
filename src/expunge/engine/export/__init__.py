"""The export of a person's data: parts, pages, and the register of who had one made."""

"""The clerk behind its socket, in the keeper's frames."""

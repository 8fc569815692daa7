"""The review desk over the clerk's socket: requests of pages of staff, and their client."""

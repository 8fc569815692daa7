"""The clerk: the process that answers families over a whole installation."""

"""The desks of the clerk: each answers the requests of one subject, over the household."""

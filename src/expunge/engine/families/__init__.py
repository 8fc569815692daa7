"""What families see and choose: counts of what is held, whereabouts, reminders."""

"""What families are told: the notices of an order's steps, and their words."""

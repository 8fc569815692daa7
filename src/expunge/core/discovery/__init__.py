"""The later look for places that no map declares: signs of people in them, as counts and names of schemas, never as values."""

"""What a family stops: uses of data, and data that it keeps for less time than the map says."""

"""Pages of staff: how employees come in, and what they see by their rights."""

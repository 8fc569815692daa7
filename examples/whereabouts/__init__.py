"""Where people were: heatmaps, a model of the next place, and what is published of them."""

"""The pages of a child's recordings: timeline, playback, and who looked."""

"""Take traces from content while it is still there."""

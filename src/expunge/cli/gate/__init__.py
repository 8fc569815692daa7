"""Commands about the gate."""

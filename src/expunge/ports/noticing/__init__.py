"""What noticing asks for."""

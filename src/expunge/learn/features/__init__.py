"""Features that learn nothing from people: frozen encoders, integer convolutions, spectrograms."""

"""The HTTP server's side of an installation: its door, its keeper, what the keeper answers it, and how its process is closed."""

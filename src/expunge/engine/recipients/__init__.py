"""Tell recipients to erase, and count their deadlines."""

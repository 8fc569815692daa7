"""Orders of destruction: examined, decided, carried out as orders to erase, and sworn to."""

"""What the examples share: an estate that orders are carried out in, drawings, and a page."""

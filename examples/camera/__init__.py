"""Cameras: what people looked at, the faces in it and the models that learnt from their looking, and an order that takes exactly that."""

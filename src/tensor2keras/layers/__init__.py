"""Keras layers, and the functions they are made of."""

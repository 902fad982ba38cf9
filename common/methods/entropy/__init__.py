"""Entropy: be sure of the pixels that nobody marked."""

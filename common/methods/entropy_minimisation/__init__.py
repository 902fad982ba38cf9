"""Entropy minimisation: be sure of every pixel."""

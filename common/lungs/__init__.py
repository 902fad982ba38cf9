"""Slices of lungs: where the lungs lie, and the way of a slice into a network."""

"""Uncertainty-aware mean teacher: agree with one's own past where it is sure."""

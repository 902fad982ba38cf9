"""Ellipses: geometry, measurements, and what algorithms that answer with them share."""

"""Partial cross-entropy: learn from the pixels that somebody marked."""

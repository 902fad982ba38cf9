"""Confident learning: labels that a first half of the run doubts count less."""

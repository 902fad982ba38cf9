"""Patch swapping: bring patches back to where they were."""

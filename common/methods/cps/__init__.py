"""Cross pseudo supervision: two networks learn from each other's answers."""

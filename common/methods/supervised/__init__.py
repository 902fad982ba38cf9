"""The plain step: the entry's own loss of its own outputs."""

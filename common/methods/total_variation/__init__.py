"""Total variation: short borders between the classes."""

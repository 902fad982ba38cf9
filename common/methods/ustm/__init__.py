"""USTM: a teacher that is asked again after a quarter turn, where it is sure."""

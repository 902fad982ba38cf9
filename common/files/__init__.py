"""Files that runs write, and the names of those they came from."""

"""A toy algorithm with a task, labels and an answer of its own."""

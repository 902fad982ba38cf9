"""What algorithms share that classify a frame and label its pixels: scores, the trivial baseline."""

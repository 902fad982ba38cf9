"""What algorithms that find points share: bells, peaks, scores, the trivial baseline."""

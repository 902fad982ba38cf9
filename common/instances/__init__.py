"""What algorithms that find objects one by one share: scores, targets, separation, the drawn example."""

"""What detectors of boxes share: the way onto the network's canvas, training pieces, scores, the baseline."""

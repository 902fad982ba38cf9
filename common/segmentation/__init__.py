"""What segmentation algorithms share: their answer, scores, losses, and the way of a volume in and out."""

"""U-CSRNet: finds cells as points and says which are positive."""

"""What weakly supervised localisers share: their answer and its scores."""

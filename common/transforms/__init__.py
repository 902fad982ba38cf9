"""Maps between grids, and intensities: what changes an image and its labels, there and back."""

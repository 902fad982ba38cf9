"""WeaklyLesionLocalisation: a generator paints the healthy slice, a critic judges it; labels of slices only."""

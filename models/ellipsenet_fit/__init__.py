"""EllipseNet-Fit: a U-Net that draws the structures, and ellipses fitted to what it drew."""

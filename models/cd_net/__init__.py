"""CD-Net: outlines every nucleus on its own, helped by the direction in which each pixel's centre lies."""

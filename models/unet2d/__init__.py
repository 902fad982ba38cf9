"""2D-UNet: labels every pixel of a picture, or of a volume slice by slice."""

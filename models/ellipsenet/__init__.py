"""EllipseNet (Chen et al., MICCAI 2021): anchor-free detection of anatomy as rotated ellipses in fetal ultrasound."""

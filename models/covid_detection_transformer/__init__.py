"""Covid-Detection-Transformer: lung nodules in slices of chest CT as a set of boxes (DETR)."""

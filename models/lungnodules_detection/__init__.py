"""LungNodules-Detection: lung nodules in slices of chest CT as peaks of a heat map (CenterNet)."""

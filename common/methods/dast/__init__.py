"""DAST: one branch for sound masks, one for wrong ones, which teach each other where they differ."""

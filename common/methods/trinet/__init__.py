"""TriNet: three networks, each on what the two others believe."""

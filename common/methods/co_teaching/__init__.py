"""Co-teaching: two networks choose for each other what to believe."""

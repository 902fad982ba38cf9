"""Bodies of networks that more than one algorithm uses, in both frameworks."""

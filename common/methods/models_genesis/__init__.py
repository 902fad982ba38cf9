"""Models Genesis: repair images that were spoilt in several ways."""

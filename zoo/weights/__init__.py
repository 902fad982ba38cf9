"""Weight files: where they lie, how they are fetched, verified, published, and what they say of themselves."""

"""Volume fusion: tell how much of another image was mixed into each pixel."""

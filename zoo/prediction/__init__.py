"""From what a user passes to answers: sources, passes over an image, many images at once."""

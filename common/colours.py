"""The colours of classes, in overlays and in the palettes of masks."""

# of classes 1, 2, ..., again from the start beyond; told apart in colour blindness
COLOURS = ("#35d0ff", "#ffb000", "#ff5fa2", "#7ee787", "#c297ff", "#ff8a5c")


def palette() -> list[int]:
    """Return 256 times red, green, blue: black for the background, then the colours in turn."""
    rgb = [tuple(bytes.fromhex(colour[1:])) for colour in COLOURS]
    return [0, 0, 0, *(value for index in range(255) for value in rgb[index % len(rgb)])]

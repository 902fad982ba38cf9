"""Overlays of classified and segmented frames: the tissues over the picture, the class and its reason beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from zoo.common.colours import COLOURS
from zoo.common.plotting.panel import (
    MUTED,
    TEXT,
    blend_classes,
    draw_bar,
    draw_scale_bar,
    draw_swatch,
    lay_out,
    outline,
    show_image,
    write_title,
)
from zoo.common.plotting.sheet import Sheet
from zoo.common.plotting.text import shown

if TYPE_CHECKING:
    from zoo.common.answers.frames import ClassifiedSegmentation

FILL = 0.4  # opacity of a tissue
MOST = 4  # classes that the panel has room for


def draw_frame(prediction: ClassifiedSegmentation) -> Sheet:
    """Draw the plain picture, the tissues over it, and a panel of probabilities and shares."""
    sheet, (plain, frame), panel = lay_out(prediction.image, pictures=2)
    show_image(prediction.image, plain, frame)
    colours = colours_of(prediction)
    numbered = {i: colours[name] for i, name in enumerate(prediction.tissues) if name in colours}
    blend_classes(frame, prediction.labels, numbered, FILL)
    for index, colour in numbered.items():
        outline(frame, prediction.labels == index, colour, 1.1)
    draw_scale_bar(plain, prediction.image)

    y = write_title(panel, prediction.image)
    best = int(np.argmax(prediction.probabilities))
    for i in np.sort(np.argsort(-prediction.probabilities, kind="stable")[:MOST]):
        share = float(prediction.probabilities[i])
        y = draw_bar(panel, y, prediction.classes[i], share, f"{share:.1%}", COLOURS[0] if i == best else MUTED)
    for name, share in prediction.shares.items():
        if name in colours or name == prediction.mucosa:
            draw_swatch(panel, y, colours.get(name, "none"), colours.get(name, MUTED))
            label = f"visible {name}" if name == prediction.mucosa else name
            panel.text(0.08, y, shown(label), colour=TEXT, size_pt=10)
            panel.text(1.0, y, f"{share:.1%}" if np.isfinite(share) else "–", colour=TEXT, size_pt=10, ha="right")
            y -= 0.075
    panel.text(0.0, 0.02, "shares of the field of view", colour=MUTED, size_pt=8, va="bottom")
    return sheet


def colours_of(prediction: ClassifiedSegmentation) -> dict[str, str]:
    """Give a colour to every tissue that is marked: neither the mucosa, which stays bare, nor what is not seen."""
    hidden = {prediction.mucosa}
    if prediction.seen.size:
        hidden |= {n for i, n in enumerate(prediction.tissues) if not prediction.seen[prediction.labels == i].any()}
    marked = [name for name in prediction.tissues if name not in hidden]
    return {name: COLOURS[1:][prediction.tissues.index(name) % (len(COLOURS) - 1)] for name in marked}

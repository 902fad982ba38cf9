"""Overlays of classified and segmented frames: the tissues over the picture, the class and its reason beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from zoo.common.plotting import COLOURS, MUTED, TEXT, draw_bar, draw_scale_bar, lay_out, show_image, write_title

if TYPE_CHECKING:
    from zoo.common.answers.frames import ClassifiedSegmentation

FILL = 0.4  # opacity of a tissue
MOST = 4  # classes that the panel has room for


def draw_frame(prediction: ClassifiedSegmentation) -> Figure:
    """Draw the plain picture, the tissues over it, and a panel of probabilities and shares."""
    figure, (plain, canvas), panel = lay_out(prediction.image, pictures=2)
    for axes in (plain, canvas):
        show_image(axes, prediction.image)
    colours = colours_of(prediction)
    layer = np.zeros((*prediction.labels.shape, 4))
    for index, name in enumerate(prediction.tissues):
        if name in colours:
            layer[prediction.labels == index] = to_rgba(colours[name], FILL)
            mask = prediction.labels == index
            if mask.any() and not mask.all() and min(mask.shape) > 1:
                canvas.contour(mask, levels=[0.5], colors=[colours[name]], linewidths=1.1)
    canvas.imshow(layer, interpolation="nearest")
    draw_scale_bar(plain, prediction.image)

    y = write_title(panel, prediction.image)
    best = int(np.argmax(prediction.probabilities))
    for i in np.sort(np.argsort(-prediction.probabilities, kind="stable")[:MOST]):
        share = float(prediction.probabilities[i])
        y = draw_bar(panel, y, prediction.classes[i], share, f"{share:.1%}", COLOURS[0] if i == best else MUTED)
    for name, share in prediction.shares.items():
        if name in colours or name == prediction.mucosa:
            colour = colours.get(name)
            face, edge = (colour, colour) if colour else ("none", MUTED)
            panel.add_patch(Rectangle((0, y - 0.045), 0.05, 0.045, facecolor=face, edgecolor=edge))
            label = f"visible {name}" if name == prediction.mucosa else name
            panel.text(0.08, y, label, color=TEXT, fontsize=10, va="top")
            panel.text(
                1.0, y, f"{share:.1%}" if np.isfinite(share) else "–", color=TEXT, fontsize=10, va="top", ha="right"
            )
            y -= 0.075
    panel.text(0.0, 0.02, "shares of the field of view", color=MUTED, fontsize=8, va="bottom")
    return figure


def colours_of(prediction: ClassifiedSegmentation) -> dict[str, str]:
    """Give a colour to every tissue that is marked: neither the mucosa, which stays bare, nor what is not seen."""
    hidden = {prediction.mucosa}
    if prediction.seen.size:
        hidden |= {n for i, n in enumerate(prediction.tissues) if not prediction.seen[prediction.labels == i].any()}
    marked = [name for name in prediction.tissues if name not in hidden]
    return {name: COLOURS[1:][prediction.tissues.index(name) % (len(COLOURS) - 1)] for name in marked}

"""Geometry of ellipses in an image: NumPy rows (class, cx, cy, a, b, angle_rad).

Pixel centres have whole coordinates, y points down, the angle runs from +x towards +y; a >= b are semi-axes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import ellipe


def canonical(ellipses: np.ndarray) -> np.ndarray:
    """Swap axes so that a >= b and fold the angle into (-pi/2, pi/2].

    ellipses: (k, 6). A negative or missing (NaN) axis is passed through: missing ellipses are rows of NaN.
    """
    rows = np.array(ellipses, np.float64).reshape(-1, 6)
    swap = rows[:, 3] < rows[:, 4]
    rows[swap, 3:5] = rows[swap, 4:2:-1]
    rows[swap, 5] += np.pi / 2
    rows[:, 5] = wrap_angle(rows[:, 5])
    return rows


def wrap_angle(angle_rad: np.ndarray) -> np.ndarray:
    """Fold the angle of an undirected axis into (-pi/2, pi/2]."""
    return np.pi / 2 - np.mod(np.pi / 2 - np.asarray(angle_rad, np.float64), np.pi)


def transform(ellipses: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Carry ellipses through an affine map; exact for shears and unequal scales too.

    ellipses: (k, 6); matrix: (3, 3), old (x, y, 1) to new (x, y, 1).
    """
    rows = np.array(ellipses, np.float64).reshape(-1, 6)
    rows[:, 1:3] = rows[:, 1:3] @ matrix[:2, :2].T + matrix[:2, 2]
    # the ellipse is the image of the unit circle under L @ axes; its singular vectors are the new axes
    directions, lengths, _ = np.linalg.svd(matrix[:2, :2] @ axes(rows))
    rows[:, 3:5] = lengths
    rows[:, 5] = np.arctan2(directions[:, 1, 0], directions[:, 0, 0])
    return canonical(rows)


def flip_x(ellipses: np.ndarray, width: int) -> np.ndarray:
    """Mirror left and right in an image of `width` pixels."""
    return transform(ellipses, np.array([[-1.0, 0, width - 1], [0, 1, 0], [0, 0, 1]]))


def axes(ellipses: np.ndarray) -> np.ndarray:
    """Return the semi-axes as columns of (k, 2, 2) matrices: they map the unit circle to the centred ellipse."""
    a, b, angle = np.asarray(ellipses, np.float64).reshape(-1, 6).T[3:]
    cos, sin = np.cos(angle), np.sin(angle)
    return np.stack([a * cos, -b * sin, a * sin, b * cos], axis=-1).reshape(-1, 2, 2)


def extents(ellipses: np.ndarray) -> np.ndarray:
    """Return half the width and half the height of the axis-aligned bounding boxes, (k, 2)."""
    return np.sqrt((axes(ellipses) ** 2).sum(axis=-1))


def area(ellipses: np.ndarray) -> np.ndarray:
    """Return the areas, (k,)."""
    rows = np.asarray(ellipses, np.float64).reshape(-1, 6)
    return np.pi * rows[:, 3] * rows[:, 4]


def circumference(ellipses: np.ndarray) -> np.ndarray:
    """Return the exact circumferences, (k,), from the complete elliptic integral of the second kind."""
    a, b = np.asarray(ellipses, np.float64).reshape(-1, 6).T[3:5]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(a > 0, 4 * a * ellipe(1 - (b / a) ** 2), 0.0)


def ramanujan_circumference(a: float, b: float) -> float:
    """Approximate the circumference by Ramanujan's first formula, the one used for head circumference."""
    return float(np.pi * (3 * (a + b) - np.sqrt((3 * a + b) * (a + 3 * b))))


def boundary(ellipse: np.ndarray, points: int = 360) -> np.ndarray:
    """Return points on the boundary of one ellipse (6,), as (points, 2) x, y."""
    turn = np.linspace(0, 2 * np.pi, points, endpoint=False)
    return ellipse[1:3] + np.stack([np.cos(turn), np.sin(turn)], axis=-1) @ axes(ellipse)[0].T


def fill(ellipse: np.ndarray, size: tuple[int, int], grow_px: float = 0.0) -> np.ndarray:
    """Draw one ellipse (6,): True where the pixel's centre lies inside; (h, w) bool.

    grow_px: added to both semi-axes.
    """
    cx, cy, a, b, angle = np.asarray(ellipse, np.float64)[1:]
    if not a + grow_px > 0 or not b + grow_px > 0:
        return np.zeros(size, bool)
    y, x = np.ogrid[: size[0], : size[1]]
    along = (x - cx) * np.cos(angle) + (y - cy) * np.sin(angle)
    across = (y - cy) * np.cos(angle) - (x - cx) * np.sin(angle)
    return (along / (a + grow_px)) ** 2 + (across / (b + grow_px)) ** 2 <= 1


def fit_moments(mask: np.ndarray, label: float = 0) -> np.ndarray:
    """Fit an ellipse to a filled mask by its second moments; (6,), all NaN but the class if the mask is empty."""
    ys, xs = np.nonzero(mask)
    if xs.size == 0:
        return np.array([label, *[np.nan] * 5])
    points = np.stack([xs, ys])
    # a pixel is a square of variance 1/12, not a point; a filled ellipse has variance (semi-axis / 2)^2
    covariance = np.cov(points, bias=True).reshape(2, 2) + np.eye(2) / 12
    variances, directions = np.linalg.eigh(covariance)
    b, a = 2 * np.sqrt(variances)
    return canonical(np.array([label, *points.mean(axis=1), a, b, np.arctan2(directions[1, 1], directions[0, 1])]))[0]


def fit_points(points: np.ndarray, label: float = 0) -> np.ndarray:
    """Fit an ellipse to points on its boundary by least squares (Halir and Flusser 1998); (6,).

    points: (n, 2) x, y; at least six, from an arc long enough to bend. All NaN but the class if they fit no ellipse.
    """
    missing = np.array([label, *[np.nan] * 5])
    if len(points) < 6:
        return missing
    origin, scale = points.mean(axis=0), points.std()
    x, y = ((points - origin) / scale).T
    quadratic, linear = np.stack([x * x, x * y, y * y]), np.stack([x, y, np.ones_like(x)])
    try:
        tie = -np.linalg.solve(linear @ linear.T, linear @ quadratic.T)  # the linear part that suits a quadratic part
        reduced = quadratic @ quadratic.T + quadratic @ linear.T @ tie
        _, vectors = np.linalg.eig(np.stack([reduced[2] / 2, -reduced[1], reduced[0] / 2]))
    except np.linalg.LinAlgError:
        return missing
    is_ellipse = np.real(4 * vectors[0] * vectors[2] - vectors[1] ** 2) > 0
    if not is_ellipse.any():
        return missing
    conic = np.real(vectors[:, np.argmax(is_ellipse)])
    row = _from_conic(np.concatenate([conic, tie @ conic]), label)
    row[1:5] *= scale
    row[1:3] += origin
    return row


def _from_conic(conic: np.ndarray, label: float) -> np.ndarray:
    """Turn a xx + b xy + c yy + d x + e y + f = 0 into a row."""
    a, b, c, d, e, f = conic
    form = np.array([[a, b / 2], [b / 2, c]])
    centre = np.linalg.solve(2 * form, [-d, -e])
    values, directions = np.linalg.eigh(form / (centre @ form @ centre - f))
    major, minor = 1 / np.sqrt(values)
    return canonical(np.array([label, *centre, major, minor, np.arctan2(directions[1, 0], directions[0, 0])]))[0]


def with_circumference(ellipse: np.ndarray, length_px: float) -> np.ndarray:
    """Move the boundary of one ellipse (6,) in or out until it has this length."""
    row = np.array(ellipse, np.float64)
    for _ in range(10):  # a parallel shift by t changes the length by 2 pi t, nearly
        row[3:5] += (length_px - circumference(row)[0]) / (2 * np.pi)
    return row


def intersection_area(first: np.ndarray, second: np.ndarray) -> float:
    """Measure the exact area that two ellipses (6,) share, by Green's theorem over the arcs of its boundary."""
    if not (np.all(np.isfinite(first)) and np.all(np.isfinite(second)) and min(*first[3:5], *second[3:5]) > 0):
        return 0.0
    frame = axes(first)[0]
    to_unit = np.linalg.inv(frame)  # here the first ellipse is the unit circle
    centre, spokes = to_unit @ (second[1:3] - first[1:3]), to_unit @ axes(second)[0]
    turns = _circle_crossings(centre, spokes)
    points = centre + np.stack([np.cos(turns), np.sin(turns)], axis=-1) @ spokes.T
    inverse = np.linalg.inv(spokes)

    def inside_second(unit: np.ndarray) -> np.ndarray:
        return (((unit - centre) @ inverse.T) ** 2).sum(axis=-1) <= 1 + 1e-9

    def inside_first(unit: np.ndarray) -> np.ndarray:
        return (unit**2).sum(axis=-1) < 1 - 1e-9  # strict: an arc that both share counts once

    circle = _arc_area(np.zeros(2), np.eye(2), np.arctan2(points[:, 1], points[:, 0]), inside_second)
    shared = circle + _arc_area(centre, spokes, turns, inside_first)
    return float(np.clip(shared * abs(np.linalg.det(frame)), 0, min(area(first)[0], area(second)[0])))


def _circle_crossings(centre: np.ndarray, spokes: np.ndarray) -> np.ndarray:
    """Return the turns at which centre + spokes @ (cos, sin) meets the unit circle.

    |point|^2 - 1 is a trigonometric polynomial of degree two, so a quartic in z = exp(i turn). Turns that are no true
    crossing do no harm: they only cut an arc in two.
    """
    u, v = spokes.T
    constant = centre @ centre + (u @ u + v @ v) / 2 - 1
    first = centre @ u - 1j * (centre @ v)
    second = (u @ u - v @ v) / 4 - 1j * (u @ v) / 2
    roots = np.roots([second, first, constant, np.conj(first), np.conj(second)])
    return np.angle(roots[np.abs(np.abs(roots) - 1) < 1e-4])


def _arc_area(
    centre: np.ndarray, spokes: np.ndarray, cuts: np.ndarray, keep: Callable[[np.ndarray], np.ndarray]
) -> float:
    """Integrate (x dy - y dx) / 2 over the arcs whose middle passes `keep`."""
    start = np.sort(cuts) if cuts.size else np.zeros(1)
    stop = np.append(start[1:], start[0] + 2 * np.pi)
    middle = (start + stop) / 2
    kept = keep(centre + np.stack([np.cos(middle), np.sin(middle)], axis=-1) @ spokes.T)
    step = np.stack([np.cos(stop) - np.cos(start), np.sin(stop) - np.sin(start)], axis=-1) @ spokes.T
    cross = centre[0] * step[:, 1] - centre[1] * step[:, 0]
    turned = np.linalg.det(spokes)
    # a mirrored parametrisation runs the other way round
    return float(np.sign(turned) * ((cross + turned * (stop - start)) / 2)[kept].sum())

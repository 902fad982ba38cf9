"""Scores of predicted numbers: arrays of any equal shape in, floats out; the reference comes first."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from zoo.common.errors import ConfigError, InputError

NAN = float("nan")
# what the root mean squared error is divided by; packages differ, so the name is asked for
NORMALISATIONS: dict[str, Callable[[np.ndarray], float]] = {
    "minmax": lambda reference: float(np.ptp(reference)),  # pymia
    "euclidean": lambda reference: float(np.sqrt(np.mean(reference**2))),  # scikit-image's default
    "mean": lambda reference: float(reference.mean()),
    "std": lambda reference: float(reference.std()),
}


def mae(reference: np.ndarray, prediction: np.ndarray) -> float:
    """Mean of |t - p|, in the unit of the data; nan without values."""
    reference, prediction = _pair(reference, prediction)
    return float(np.abs(reference - prediction).mean()) if reference.size else NAN


def mse(reference: np.ndarray, prediction: np.ndarray) -> float:
    """Mean of (t - p)^2, in the squared unit of the data; nan without values."""
    reference, prediction = _pair(reference, prediction)
    return float(((reference - prediction) ** 2).mean()) if reference.size else NAN


def rmse(reference: np.ndarray, prediction: np.ndarray) -> float:
    """Root of the mean squared error, in the unit of the data; nan without values."""
    return float(np.sqrt(mse(reference, prediction)))


def nrmse(reference: np.ndarray, prediction: np.ndarray, normalisation: str) -> float:
    """Root mean squared error over a size of the reference, no unit; nan when that size is 0.

    normalisation: "minmax" = max - min, "euclidean" = root mean square, "mean" = mean, "std" = population deviation.
    """
    if normalisation not in NORMALISATIONS:
        raise ConfigError(f"normalisation {normalisation!r} given; expected one of {', '.join(NORMALISATIONS)}")
    reference, prediction = _pair(reference, prediction)
    return _ratio(rmse(reference, prediction), NORMALISATIONS[normalisation](reference)) if reference.size else NAN


def r2(reference: np.ndarray, prediction: np.ndarray) -> float:
    """Coefficient of determination 1 - sum (t - p)^2 / sum (t - mean t)^2; at most 1, 0 for predicting the mean.

    nan when the reference is constant; scikit-learn returns 1 or 0 then.
    """
    reference, prediction = _pair(reference, prediction)
    return 1 - _ratio(((reference - prediction) ** 2).sum(), _spread(reference))


def explained_variance(reference: np.ndarray, prediction: np.ndarray) -> float:
    """1 - Var(t - p) / Var(t): R2 that forgives a constant offset; nan when the reference is constant."""
    reference, prediction = _pair(reference, prediction)
    return 1 - _ratio(_spread(reference - prediction), _spread(reference))


def pearson_r(reference: np.ndarray, prediction: np.ndarray) -> float:
    """Correlation coefficient in [-1, 1]; nan when either side is constant. It ignores offset and scale."""
    reference, prediction = _pair(reference, prediction)
    if not reference.size:
        return NAN
    shared = ((reference - reference.mean()) * (prediction - prediction.mean())).sum()
    return _ratio(shared, float(np.sqrt(_spread(reference) * _spread(prediction))))


def mape(reference: np.ndarray, prediction: np.ndarray) -> float:
    """Mean of |t - p| / |t|, as a share; nan when a reference value is 0 (scikit-learn divides by epsilon instead)."""
    reference, prediction = _pair(reference, prediction)
    if not reference.size or not reference.all():
        return NAN
    return float(np.abs((reference - prediction) / reference).mean())


def summarise_regression(reference: np.ndarray, prediction: np.ndarray) -> dict[str, float]:
    """Compute every score of this file."""
    plain = (mae, mse, rmse, r2, explained_variance, pearson_r, mape)
    scores = {score.__name__: score(reference, prediction) for score in plain}
    return scores | {f"nrmse_{name}": nrmse(reference, prediction, name) for name in NORMALISATIONS}


def _pair(reference: np.ndarray, prediction: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    reference, prediction = np.asarray(reference, np.float64), np.asarray(prediction, np.float64)
    if reference.shape != prediction.shape:
        raise InputError(f"arrays of shapes {reference.shape} and {prediction.shape} given; expected equal shapes")
    return reference.ravel(), prediction.ravel()


def _spread(values: np.ndarray) -> float:
    # a constant has no spread; rounding of its mean would leave about 1e-32 and a senseless quotient
    if not values.size or values.min() == values.max():
        return 0.0
    return float(((values - values.mean()) ** 2).sum())


def _ratio(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else NAN

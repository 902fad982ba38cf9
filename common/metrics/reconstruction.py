"""Scores of reconstructed images: PSNR and SSIM, 2D and 3D; the reference comes first.

Both depend on the range of the data, and packages guess it differently: here it is max - min of the reference, unless
given. fastMRI and pymia use the reference's maximum; 8-bit images want 255.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy import ndimage

from zoo.common.errors import InputError
from zoo.common.metrics.regression import mse

NAN = float("nan")
K1, K2 = 0.01, 0.03  # Wang et al. 2004, section III.B
SIGMA_PX, GAUSSIAN_RADIUS_PX = 1.5, 5  # Wang's window of 11 pixels
UNIFORM_WIDTH_PX = 7


def psnr(reference: np.ndarray, prediction: np.ndarray, data_range: float | None = None) -> float:
    """Peak signal-to-noise ratio 10 log10(range^2 / MSE) [dB]; inf for equal images, nan when the range is 0."""
    span = _range(reference, data_range)
    error = mse(reference, prediction)
    if not span > 0 or np.isnan(error):
        return NAN
    return float(10 * np.log10(span**2 / error)) if error else float("inf")


def ssim(reference: np.ndarray, prediction: np.ndarray, data_range: float | None = None) -> float:
    """Mean structural similarity as Wang et al. 2004 define it, in [-1, 1]: 11-wide Gaussian, sigma 1.5 px.

    Mean over the places where the window fits of (2 m_t m_p + c1)(2 s_tp + c2) / ((m_t^2 + m_p^2 + c1)(s_t^2 + s_p^2
    + c2)), with window-weighted population moments, c = (K range)^2. One channel; nan when the range is 0.
    Equals scikit-image with gaussian_weights, sigma 1.5 and use_sample_covariance=False; torchmetrics averages over the
    padded border too and differs.
    """
    blur = partial(ndimage.gaussian_filter, sigma=SIGMA_PX, radius=GAUSSIAN_RADIUS_PX)
    return _ssim(reference, prediction, data_range, blur, GAUSSIAN_RADIUS_PX, 1.0)


def ssim_uniform(reference: np.ndarray, prediction: np.ndarray, data_range: float | None = None) -> float:
    """Mean structural similarity with a flat window of 7 pixels and sample covariances: the default of scikit-image.

    As `ssim`, with the moments' n - 1. Values lie above those of the Gaussian window; never compare the two.
    """
    blur = partial(ndimage.uniform_filter, size=UNIFORM_WIDTH_PX)
    n = UNIFORM_WIDTH_PX ** np.ndim(reference)
    return _ssim(reference, prediction, data_range, blur, UNIFORM_WIDTH_PX // 2, n / (n - 1))


def _ssim(
    reference: np.ndarray,
    prediction: np.ndarray,
    data_range: float | None,
    blur: Callable[[np.ndarray], np.ndarray],
    border: int,
    correction: float,
) -> float:
    t, p = np.asarray(reference, np.float64), np.asarray(prediction, np.float64)
    if t.shape != p.shape or min(t.shape, default=0) < 2 * border + 1:
        raise InputError(
            f"images of shapes {t.shape} and {p.shape} given; expected equal shapes, no side under {2 * border + 1} px"
        )
    span = _range(t, data_range)
    if not span > 0:
        return NAN
    c1, c2 = (K1 * span) ** 2, (K2 * span) ** 2
    mean_t, mean_p = blur(t), blur(p)
    covariance = correction * (blur(t * p) - mean_t * mean_p)
    variances = correction * (blur(t * t) - mean_t**2 + blur(p * p) - mean_p**2)
    numerator = (2 * mean_t * mean_p + c1) * (2 * covariance + c2)
    similarity = numerator / ((mean_t**2 + mean_p**2 + c1) * (variances + c2))
    return float(similarity[(slice(border, -border),) * t.ndim].mean())


def _range(reference: np.ndarray, data_range: float | None) -> float:
    if data_range is not None:
        return data_range
    return float(np.ptp(np.asarray(reference, np.float64))) if np.size(reference) else 0.0

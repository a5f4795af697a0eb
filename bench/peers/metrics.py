"""The evaluator's metrics by libraries that others wrote, in f64."""

import json
import time

import numpy as np
from safetensors.numpy import load_file

NEIGHBOURS = 5


def covariance_root(a, b):
    """SciPy's root of a matrix, as the common implementations of FID take it."""
    from scipy.linalg import sqrtm

    first, second = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    shift = a.mean(0) - b.mean(0)
    return shift @ shift + np.trace(first + second - 2 * np.real(sqrtm(first @ second)))


def torch_fidelity_fid(a, b):
    import torch
    from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric

    first, second = (fid_features_to_statistics(torch.tensor(x)) for x in (a, b))
    return fid_statistics_to_metric(first, second, False)["frechet_inception_distance"]


def exact_frechet(a, b):
    """For covariances without full rank, whose root SciPy takes with few digits only: a symmetric root in 30 digits."""
    import mpmath

    with mpmath.workdps(30):
        first, second = (mpmath.matrix(np.ascontiguousarray(x - x.mean(0)).tolist()) for x in (a, b))
        # tr sqrt(S1 S2) from the Gram matrices: the nonzero eigenvalues of A B' B A' are those of A' A B' B.
        cross = first * second.T
        eigenvalues = mpmath.eigsy(cross * cross.T, eigvals_only=True)
        root = sum(mpmath.sqrt(max(value, 0)) for value in eigenvalues)
        root /= mpmath.sqrt((len(a) - 1) * (len(b) - 1))
        shift = a.mean(0) - b.mean(0)
        traces = np.trace(np.cov(a, rowvar=False)) + np.trace(np.cov(b, rowvar=False))
        return float(shift @ shift + traces - 2 * root)


def torch_fidelity_kid(a, b):
    from torch_fidelity.metric_kid import kernel_mmd

    poly = {"kid_kernel": "poly", "kid_kernel_poly_degree": 3, "kid_kernel_poly_gamma": None, "kid_kernel_poly_coef0": 1.0}
    return kernel_mmd(a, b, **poly)


def clean_fid_kid(a, b):
    from cleanfid.fid import kernel_distance

    # One subset of all vectors.
    return kernel_distance(a, b, num_subsets=1, max_subset_size=len(a))


def prdc(real, fake):
    import contextlib
    import os

    from prdc import compute_prdc

    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        return compute_prdc(real, fake, NEIGHBOURS)


def nearest(queries, base):
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=1, algorithm="kd_tree").fit(base).kneighbors(queries)[0].mean()


def diversity(a):
    from scipy.spatial.distance import pdist

    return pdist(a).mean()


def inception_score(probabilities):
    import torch
    from torch_fidelity.metric_isc import isc_features_to_metric

    return isc_features_to_metric(torch.tensor(np.log(probabilities)), splits=10, shuffle=False)


def earth_movers(a, b):
    from scipy.stats import wasserstein_distance

    return wasserstein_distance(a[:, 0], b[:, 0])


def similarity(a, b):
    from skimage.metrics import structural_similarity

    return structural_similarity(
        a[0], b[0], gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1, channel_axis=0
    )


def similarity_at_scales(a, b):
    import torch
    from pytorch_msssim import ms_ssim

    # Its own window is rounded to f32, which shows in the sixth digit.
    window = torch.exp(-((torch.arange(11, dtype=torch.float64) - 5) ** 2) / (2 * 1.5**2))
    window = (window / window.sum()).expand(a.shape[1], 1, 1, 11)
    return ms_ssim(torch.tensor(a), torch.tensor(b), data_range=1, win=window)


def noise_ratio(a, b):
    from skimage.metrics import peak_signal_noise_ratio

    return peak_signal_noise_ratio(a, b, data_range=1)


# Figures by impasto's names: the peer, and how it gets them from which inputs.
FIGURES = {
    "FD": ("SciPy, sqrtm", covariance_root, ("real", "fake")),
    "FD, 768": ("torch-fidelity", torch_fidelity_fid, ("wide-real", "wide-fake")),
    "FD, less than full rank": ("mpmath, 30 digits", exact_frechet, ("few-real", "few-fake")),
    "KID": ("torch-fidelity", torch_fidelity_kid, ("real-equal", "fake")),
    "KID, 768": ("clean-fid", clean_fid_kid, ("wide-equal", "wide-fake")),
    "precision": ("prdc", lambda a, b: prdc(a, b)["precision"], ("real", "fake")),
    "recall": ("prdc", lambda a, b: prdc(a, b)["recall"], ("real", "fake")),
    "density": ("prdc", lambda a, b: prdc(a, b)["density"], ("real", "fake")),
    "coverage": ("prdc", lambda a, b: prdc(a, b)["coverage"], ("real", "fake")),
    "nearest": ("scikit-learn", nearest, ("fake", "real")),
    "diversity": ("SciPy, pdist", diversity, ("real",)),
    "Inception score": (
        "torch-fidelity",
        lambda p: inception_score(p)["inception_score_mean"],
        ("probabilities",),
    ),
    "sliced Wasserstein": ("SciPy, one axis", earth_movers, ("line-real", "line-fake")),
    "PSNR": ("scikit-image", noise_ratio, ("picture", "degraded")),
    "SSIM": ("scikit-image", similarity, ("picture", "degraded")),
    "MS-SSIM": ("pytorch-msssim", similarity_at_scales, ("picture", "degraded")),
}


def figures(path):
    """One JSON object a line for every figure: its name, the peer, the value and the seconds it took."""
    inputs = {name: array.astype(np.float64) for name, array in load_file(path).items()}
    inputs["real-equal"] = inputs["real"][: len(inputs["fake"])]
    inputs["wide-equal"] = inputs["wide-real"][: len(inputs["wide-fake"])]
    for name, (peer, metric, of) in FIGURES.items():
        begin = time.perf_counter()
        value = float(metric(*(inputs[key] for key in of)))
        seconds = time.perf_counter() - begin
        print(json.dumps({"name": name, "peer": peer, "value": value, "seconds": seconds}), flush=True)

"""A fitted model as one file: an archive of arrays with a description, read without a study and without pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from assay.errors import UsageError
from assay.numerics.linear_model import LinearModel
from assay.surrogates.feature_maps import (
    AbstractFeatureMap,
    FourierFeatures,
    LinearFeatures,
    PolynomialFeatures,
    RandomFourierFeatures,
)
from assay.surrogates.feature_posterior import FeaturePosterior, RowNoise, affine_scaling
from assay.surrogates.features import AbstractFeatures, InputEncoding
from assay.surrogates.neural_features import NeuralFeatures

__all__ = ["load_predictor", "save_predictor"]

Array = np.ndarray

FORMAT = "assay predictor"
VERSION = 1

_MAPS: Mapping[str, type[AbstractFeatureMap]] = {
    "polynomial": PolynomialFeatures,
    "fourier": FourierFeatures,
    "random_fourier": RandomFourierFeatures,
}


def save_predictor(posterior: FeaturePosterior, path: str | Path) -> None:
    """Write the posterior of a neural ensemble or of a Bayesian linear model to an `.npz` file.

    Use it to predict elsewhere: the file holds no data, no code and no study, and NumPy alone reads it.

    Arguments:
        posterior: without a prior mean, and not of features of one's own, which are code.
        path: of the file; what stands there is replaced.

    Raises:
        UsageError: when a part of the posterior is code.
    """
    if posterior.prior_mean is not None:
        raise UsageError("a predictor with a prior mean cannot be saved, because the mean is code")
    description, arrays = _described(posterior.features)
    encoding = _encoding(posterior.features)
    about = {
        "format": FORMAT,
        "version": VERSION,
        "category_counts": encoding.category_counts,
        "spread": posterior.spread,
        **description,
    }
    scaling, noise, model = posterior.scaling, posterior.noise, posterior.model
    with Path(path).open("wb") as file:  # np.savez would add a suffix to a name
        np.savez(
            file,
            allow_pickle=False,
            about=np.array(json.dumps(about)),
            centre=encoding.centre,
            half_width=encoding.half_width,
            triangle=model.triangle,
            log_normaliser=model.log_normaliser,
            calibration=posterior.calibration,
            noise=noise.value,
            offset=scaling.offset,
            scale=scaling.scale,
            looks=posterior.looks,
            **arrays,
        )


def load_predictor(path: str | Path) -> FeaturePosterior:
    """Read what `save_predictor` wrote: the same posterior, to the bit; it can also be conditioned on more data.

    Raises:
        UsageError: when the file is not a predictor, or one of a later version.
    """
    try:
        with np.load(Path(path), allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
        about = json.loads(str(arrays["about"]))
    except (ValueError, KeyError, OSError) as error:
        raise UsageError(f"{str(path)!r} must be a file that save_predictor wrote: {error}") from error
    if about.get("format") != FORMAT or about.get("version") != VERSION:
        raise UsageError(
            f"{str(path)!r} must hold an {FORMAT} of version {VERSION}, "
            f"got {about.get('format')!r} of version {about.get('version')!r}"
        )
    encoding = InputEncoding(tuple(about["category_counts"]), arrays["centre"], arrays["half_width"])
    features = _features(about, arrays, encoding)
    return FeaturePosterior(
        features,
        LinearModel(arrays["triangle"], arrays["log_normaliser"], features.size),
        arrays["calibration"],
        about["spread"],
        RowNoise(arrays["noise"], encoding.slope_noise),
        affine_scaling(arrays["offset"], arrays["scale"]),
        None,
        arrays["looks"],
    )


def _described(features: AbstractFeatures) -> tuple[dict[str, Any], dict[str, Array]]:
    """Plain data and arrays that give the features back."""
    if isinstance(features, NeuralFeatures):
        arrays = {
            f"{name}{place}": array
            for place, layer in enumerate(features.layers)
            for name, array in zip(("weights", "biases"), layer, strict=True)
        }
        return {
            "features": "neural",
            "activation": features.activation,
            "depth": len(features.layers),
        }, arrays
    if isinstance(features, LinearFeatures):
        for name, kind in _MAPS.items():
            if isinstance(features.feature_map, kind):
                return {"features": name, "settings": dict(vars(features.feature_map))}, {}
    raise UsageError(
        f"the features of a saved predictor must be networks or one of {sorted(_MAPS)}, got {type(features).__name__} of "
        "one's own, which are code"
    )


def _encoding(features: AbstractFeatures) -> InputEncoding:
    assert isinstance(features, NeuralFeatures | LinearFeatures)  # `_described` has refused others
    return features.encoding


def _features(
    about: Mapping[str, Any], arrays: Mapping[str, Array], encoding: InputEncoding
) -> AbstractFeatures:
    if about["features"] == "neural":
        layers = tuple(
            (arrays[f"weights{place}"], arrays[f"biases{place}"]) for place in range(about["depth"])
        )
        return NeuralFeatures(layers, about["activation"], encoding)
    return LinearFeatures(_MAPS[about["features"]](**about["settings"]), encoding)

"""The hidden layers of an ensemble of neural networks, as features of a linear model; on NumPy.

A network is  h_0 = t,  h_l = a(h_{l-1} W_l + b_l),  features = [h_L / sqrt(width), 1, t],  with t the encoded inputs in
about [-1, 1]. All members have one shape, so that a layer is one array with the members in front.
"""

from __future__ import annotations

import base64
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, final

import numpy as np

from assay.surrogates.features import AbstractFeatures, InputEncoding

__all__ = [
    "ACTIVATIONS",
    "ActivationName",
    "InitialisationName",
    "NeuralFeatures",
    "activated",
    "initial_layers",
    "layers_of_state",
    "layers_to_state",
    "network_features",
]

Array = np.ndarray
Layers = tuple[tuple[Any, Any], ...]
"""For each hidden layer its weights (members, inputs, width) and biases (members, width)."""

ActivationName = Literal["tanh", "silu", "sine", "relu", "gelu", "softplus"]
InitialisationName = Literal["auto", "glorot", "he", "lecun", "siren"]
ACTIVATIONS: tuple[ActivationName, ...] = ("tanh", "silu", "sine", "relu", "gelu", "softplus")

# The highest frequency of a first layer of sines, in half periods of the box: enough for a few waves in it.
SINE_FREQUENCY = 3.0


def activated(name: ActivationName, x: Any, xp: Any = np) -> tuple[Any, Any]:
    """a(x) and a'(x); `xp` is the array namespace."""
    match name:
        case "tanh":
            value = xp.tanh(x)
            return value, (1.0 - value) * (1.0 + value)
        case "sine":
            return xp.sin(x), xp.cos(x)
        case "relu":
            return xp.maximum(x, 0.0), xp.where(x > 0.0, 1.0, 0.0)
        case "softplus":
            return xp.logaddexp(x, 0.0), _logistic(x, xp)
        case "silu":
            gate = _logistic(x, xp)
            return x * gate, gate * (1.0 + x * (1.0 - gate))
        case "gelu":  # with the usual tanh in place of the error function
            inner = math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3)
            gate = xp.tanh(inner)
            slope = math.sqrt(2.0 / math.pi) * (1.0 + 0.134145 * x**2)
            return 0.5 * x * (1.0 + gate), 0.5 * (1.0 + gate) + 0.5 * x * (1.0 - gate**2) * slope


def network_features(layers: Layers, inputs: Any, activation: ActivationName, xp: Any = np) -> Any:
    """The features of all members: inputs (rows, size) to (members, rows, width + 1 + size)."""
    hidden = inputs[None]
    for weights, biases in layers:
        hidden = activated(activation, hidden @ weights + biases[:, None], xp)[0]
    return _with_inputs(hidden, inputs, xp)


@final
@dataclass(frozen=True)
class NeuralFeatures(AbstractFeatures):
    """The features of an ensemble of networks.

    Arguments:
        layers: of all members.
        activation: a.
        encoding: of the inputs.
    """

    layers: Layers
    activation: ActivationName
    encoding: InputEncoding

    @property
    def size(self) -> int:
        return self.layers[-1][1].shape[1] + 1 + self.encoding.size

    @property
    def dimension(self) -> int:
        return self.encoding.dimension

    def values(self, points: Array) -> Array:
        return network_features(self.layers, self.encoding.encode(points), self.activation)

    def values_slopes(self, points: Array) -> tuple[Array, Array]:
        inputs = self.encoding.encode(points)
        rows, size = inputs.shape
        hidden = inputs[None]
        # (members, inputs, rows, width): the derivative by each input goes through the layers as more rows would.
        slopes = np.broadcast_to(np.eye(size)[None, :, None, :], (1, size, rows, size))
        for weights, biases in self.layers:
            hidden, slope = activated(self.activation, hidden @ weights + biases[:, None])
            slopes = (slopes @ weights[:, None]) * slope[:, None]
        members = len(hidden)
        skip = np.broadcast_to(np.eye(size), (members, rows, size, size))
        by_input = np.concatenate(
            [
                np.moveaxis(slopes, 1, 3) / math.sqrt(hidden.shape[2]),
                np.zeros((members, rows, 1, size)),
                skip,
            ],
            axis=2,
        )
        return _with_inputs(hidden, inputs, np), self.encoding.slopes_by_points(by_input)


def initial_layers(
    members: int,
    widths: tuple[int, ...],
    activation: ActivationName,
    initialisation: InitialisationName,
    generator: np.random.Generator,
) -> Layers:
    """Random layers.

    Weights are uniform with variance `gain/fan`: Glorot 2/(in + out), He 2/in, LeCun 1/in; Siren's are uniform in
    sqrt(6/in), and `SINE_FREQUENCY` times 1/in in the first layer. Biases put the bends of the first layer inside the box.

    Arguments:
        widths: of the inputs and of each hidden layer.
        initialisation: "auto": glorot for tanh, siren for sine, he for the others.

    Source: X. Glorot, Y. Bengio, AISTATS (2010); K. He et al., ICCV (2015); V. Sitzmann et al., NeurIPS (2020).
    """
    chosen = initialisation
    if chosen == "auto":
        chosen = {"tanh": "glorot", "sine": "siren"}.get(activation, "he")
    layers = []
    for place, (incoming, outgoing) in enumerate(itertools.pairwise(widths)):
        variance = {
            "glorot": 2.0 / (incoming + outgoing),
            "he": 2.0 / incoming,
            "lecun": 1.0 / incoming,
            "siren": 2.0 / incoming if place else (SINE_FREQUENCY**2) / 3.0,
        }[chosen]
        limit = math.sqrt(3.0 * variance)
        weights = generator.uniform(-limit, limit, (members, incoming, outgoing))
        if chosen == "siren" or not place:
            reach = math.pi if activation == "sine" else np.abs(weights).sum(axis=1)
            biases = reach * generator.uniform(-1.0, 1.0, (members, outgoing))
        else:
            biases = np.zeros((members, outgoing))
        layers.append((weights, biases))
    return tuple(layers)


def layers_to_state(layers: Layers) -> list[dict[str, Any]]:
    """Plain data: the numbers of each layer as base64 text of little-endian single precision.

    Half the size of double precision; what is trained is rounded to it before the last layer is fitted, so nothing is lost.
    """
    return [
        {
            "shape": list(weights.shape),
            **{
                name: base64.b64encode(np.asarray(array, dtype="<f4").tobytes()).decode("ascii")
                for name, array in (("weights", weights), ("biases", biases))
            },
        }
        for weights, biases in layers
    ]


def layers_of_state(state: Sequence[Mapping[str, Any]]) -> Layers:
    """The layers that `layers_to_state` wrote, in double precision."""
    layers = []
    for layer in state:
        members, incoming, outgoing = layer["shape"]
        weights, biases = (
            np.frombuffer(base64.b64decode(layer[name]), dtype="<f4").astype(float)
            for name in ("weights", "biases")
        )
        layers.append((weights.reshape(members, incoming, outgoing), biases.reshape(members, outgoing)))
    return tuple(layers)


def _with_inputs(hidden: Any, inputs: Any, xp: Any) -> Any:
    members, rows, width = hidden.shape
    return xp.concatenate(
        [
            hidden / math.sqrt(width),
            xp.ones((members, rows, 1)),
            xp.broadcast_to(inputs, (members, *inputs.shape)),
        ],
        axis=2,
    )


def _logistic(x: Any, xp: Any) -> Any:
    """1/(1 + exp(-x)), without overflow."""
    return 0.5 * (1.0 + xp.tanh(0.5 * x))

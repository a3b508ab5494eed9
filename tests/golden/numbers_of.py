# SPDX-License-Identifier: Apache-2.0
"""Numbers both sides make for themselves, and digests of tensors; numbers_of.h is the same in C++.

Starting weights, samples, labels and order come from a hash of (name of a stream, index), so none
of them needs a file. Every step below is exact in IEEE double, so both sides get the same bits.
"""
import numpy as np

PROJECTIONS = 32
SIGNS = "signs"


def _mix(x):  # the finaliser of splitmix64 (Steele, Lea, Flood 2014)
    x = x ^ (x >> np.uint64(30))
    x = x * np.uint64(0xBF58476D1CE4E5B9)
    x = x ^ (x >> np.uint64(27))
    x = x * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _stream(name):  # FNV-1a
    h = 0xCBF29CE484222325
    for byte in name.encode():
        h = (h ^ byte) * 0x100000001B3 % 2**64
    return h


def words(stream, count, first=0):
    with np.errstate(over="ignore"):
        index = np.arange(first + 1, first + count + 1, dtype=np.uint64)
        return _mix(np.uint64(_stream(stream)) + index * np.uint64(0x9E3779B97F4A7C15))


def below(stream, count, bound):
    return (words(stream, count) % np.uint64(bound)).astype(np.int64)


def units(stream, count):
    """Multiples of 2^-23 in [-1, 1)."""
    return ((words(stream, count) >> np.uint64(40)).astype(np.float64) - 2.0**23) / 2.0**23


def to_f32(numbers):
    return numbers.astype(np.float32).astype(np.float64)


def starting_value(stream, name, shape):
    """Glorot's range for kernels; others near where training starts them, but not at it, so that
    nothing hides behind a 0 or a 1."""
    count = int(np.prod(shape))
    unit = units(stream + "/" + name, count)
    kind = name.rsplit(".", 1)[1]
    if kind == "kernel":
        field = float(np.prod(shape[:-2]))
        unit = unit * np.sqrt(6.0 / (field * (shape[-2] + shape[-1])))
    elif kind in ("bias", "beta", "mean", "table"):
        unit = unit * 0.125
    else:  # gamma, variance
        unit = unit * 0.25 + 1.0
    return to_f32(unit).reshape(shape)


def samples(stream, kind, shape, classes):
    """Rows of seven parts noise and one part a pattern of their class: something to learn, but not
    so easily that a few samples make up the whole gradient."""
    rows, elements = shape[0], int(np.prod(shape[1:]))
    pattern = below(stream + "/labels", rows, classes)[:, None] * elements + np.arange(elements)
    if kind == "u8":
        noise = words(stream + "/samples", rows * elements) & np.uint64(255)
        patterns = words(stream + "/patterns", classes * elements) & np.uint64(255)
        mixed = (noise.reshape(rows, elements) * np.uint64(7) + patterns[pattern]) >> np.uint64(3)
        return mixed.astype(np.uint8).reshape(shape)
    noise = units(stream + "/samples", rows * elements).reshape(rows, elements)
    mixed = (noise * 7.0 + units(stream + "/patterns", classes * elements)[pattern]) * 0.125
    return mixed.astype(np.float32).reshape(shape)


def targets(stream, kind, rows, classes):
    """Of each row: "one": its class. "many": each of `classes` bits; "numbers": in [-2, 2)."""
    label = below(stream + "/labels", rows, classes)
    if kind == "one":
        return label
    table = words(stream + "/targets", classes * classes) & np.uint64(1)
    if kind == "many":
        table = table.astype(np.float64)
    elif kind == "numbers":
        table = units(stream + "/targets", classes * classes) * 2.0
    else:  # "shares": add up to 1
        table = (words(stream + "/targets", classes * classes) & np.uint64(7)).astype(np.float64)
        table = table.reshape(classes, classes) + 1.0
        table = table / table.sum(axis=1, keepdims=True)
    return to_f32(table.reshape(classes, classes)[label])


_signs = {}


def signs(count):
    """[PROJECTIONS, count] of +-1: bit k of word i of a fixed stream."""
    if count not in _signs:
        bits = words(SIGNS, count)[None, :] >> np.arange(PROJECTIONS, dtype=np.uint64)[:, None]
        _signs[count] = ((bits & np.uint64(1)).astype(np.float64)) * 2.0 - 1.0
    return _signs[count]


def digest(tensor):
    """A small tensor whole; a larger one as its norm and PROJECTIONS sums with random signs."""
    flat = np.asarray(tensor, np.float64).reshape(-1)
    if flat.size <= PROJECTIONS:
        return flat
    # Pairwise sums, not a BLAS dot: the digest itself must not lose digits.
    return np.concatenate([[np.sqrt(np.sum(flat * flat))], np.sum(signs(flat.size) * flat, axis=1)])

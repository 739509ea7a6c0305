"""Counter-based random numbers: a draw depends on its key and its counter, on nothing else.

A key is made by folding (seed, episode, stream, step) one after the other; the counter is the
player.  So a trajectory does not depend on how players, populations, threads or back ends are
arranged, and any step of any episode can be drawn again on its own.

The mixer is the finaliser of SplitMix64 (Steele, Lea, Flood 2014).  Every function here is
elementwise: NumPy runs it on arrays of uint64, numba compiles the same source for scalars, and
both give the same bits (only +, *, shifts, bit casts and square roots are used).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mfg_envs.game import Array, as_int

U64, U32, F32 = np.uint64, np.uint32, np.float32
GOLDEN = U64(0x9E3779B97F4A7C15)
FOLD = U64(0xD1B54A32D192ED03)
MIX_1, MIX_2 = U64(0xBF58476D1CE4E5B9), U64(0x94D049BB133111EB)
S11, S27, S30, S31, S32, S40 = (U64(s) for s in (11, 27, 30, 31, 32, 40))
ONE = U64(1)
TO_UNIT = 2.0**-53

INITIAL, NOISE, ACTION, LEARNER = 0, 1, 2, 3
"""Streams of an episode: first states, private noise, actions of a policy, a learner's own."""


def mix(z: Any) -> Any:
    """Return 64 well-mixed bits of each uint64."""
    z = (z ^ (z >> S30)) * MIX_1
    z = (z ^ (z >> S27)) * MIX_2
    return z ^ (z >> S31)


def fold(key: Any, number: Any) -> Any:
    """Return the key of the ``number``-th branch of ``key``."""
    return mix((key + GOLDEN * (U64(number) + ONE)) ^ FOLD)


def bits(key: Any, counter: Any) -> Any:
    """Return the 64 random bits of a counter under a key."""
    return mix(key + GOLDEN * (counter + ONE))


def unit(z: Any) -> Any:
    """Turn 64 random bits into a uniform number in [0, 1) with 53 bits."""
    return (z >> S11) * TO_UNIT


def below(z: Any, bound: Any) -> Any:
    """Turn the low 32 random bits into an integer in [0, bound), bound < 2^32."""
    return ((z & U64(0xFFFFFFFF)) * U64(bound)) >> S32


def normals(z: Any) -> Any:
    """Turn 64 random bits into two independent standard normal numbers (float32).

    Box-Muller with polynomials for log, sine and cosine: at most 1e-6 off, and the same bits
    on every back end.
    """
    radius = np.sqrt(F32(-2) * _log(F32((z >> S40) + ONE) * F32(2.0**-24)))
    quarter = (z >> S30) & U64(3)
    turn = (F32((z >> U64(6)) & U64(0xFFFFFF)) * F32(2.0**-24) - F32(0.5)) * F32(np.pi / 2)
    square = turn * turn
    sine = turn * (
        F32(1)
        + square * (F32(-1.6666654e-1) + square * (F32(8.332161e-3) - square * F32(1.951529e-4)))
    )
    cosine = (
        F32(1)
        - F32(0.5) * square
        + square
        * square
        * (F32(4.1666646e-2) + square * (F32(-1.3887316e-3) + square * F32(2.4433157e-5)))
    )
    swap = (quarter & ONE) != U64(0)
    first = np.where(swap, sine, cosine)
    second = np.where(swap, cosine, sine)
    first = np.where(((quarter + ONE) & U64(2)) != U64(0), -first, first)
    second = np.where((quarter & U64(2)) != U64(0), -second, second)
    return radius * first, radius * second


def _log(x: Any) -> Any:
    """Return the natural logarithm of float32 numbers in (0, 1] (Cephes polynomial)."""
    raw = F32(x).view(np.int32)
    exponent = np.int32((raw - np.int32(0x3F3504F3)) >> np.int32(23))
    f = np.int32(raw - np.int32(exponent << np.int32(23))).view(np.float32) - F32(1)
    p = F32(7.0376836e-2)
    p = p * f + F32(-1.151461e-1)
    p = p * f + F32(1.1676999e-1)
    p = p * f + F32(-1.2420141e-1)
    p = p * f + F32(1.4249323e-1)
    p = p * f + F32(-1.6668057e-1)
    p = p * f + F32(2.0000715e-1)
    p = p * f + F32(-2.4999994e-1)
    p = p * f + F32(3.3333331e-1)
    square = f * f
    return f + (square * f * p - F32(0.5) * square) + F32(exponent) * F32(0.6931472)


def seed_key(seed: int, offsets: Array | int = 0) -> Array:
    """Return the keys of seeds ``seed + offsets``.

    Args:
        seed: Any whole number >= 0.
        offsets: Whole numbers, (...).

    Raises:
        ValueError: If the seed is negative.
    """
    seed = as_int("seed", seed)
    if seed < 0:
        raise ValueError(f"seed must be at least 0, got {seed}")
    low = seed & (2**64 - 1)
    if low + int(np.max(offsets, initial=0)) >= 2**64:  # an offset carries into the high bits
        keys = np.array([seed_key(seed + int(b)) for b in np.ravel(offsets)], U64)
        return keys.reshape(np.shape(offsets))[()]
    key = np.zeros(np.shape(offsets) or (1,), U64)
    with np.errstate(over="ignore"):
        key = mix((key + GOLDEN * (U64(low) + np.asarray(offsets).astype(U64) + ONE)) ^ FOLD)
        while seed := seed >> 64:
            key = fold(key, U64(seed & (2**64 - 1)))
    return key if np.shape(offsets) else key[0]


def subkey(key: Any, *numbers: Any) -> Any:
    """Return ``fold(...fold(key, n1)..., nk)`` without overflow warnings."""
    with np.errstate(over="ignore"):
        for number in numbers:
            key = fold(key, number)
    return key


def counter_bits(key: Any, count: int) -> Array:
    """Return the bits of counters 0..count-1 under one key (count,) or keys (B,): (B, count)."""
    return bits(np.asarray(key)[..., None], np.arange(count, dtype=U64))


def uniform(key: Any, count: int) -> Array:
    """Return uniform numbers in [0, 1): (count,), or (B, count) for keys (B,)."""
    return unit(counter_bits(key, count))


def categorical(law: Array, u: Array) -> Array:
    """Return the index of the outcome in which each uniform number falls.

    Args:
        law: Probabilities, (K,) of one law or (*inner, K) of one for each number; their running
            sums are taken left to right.
        u: Uniform numbers in [0, 1), (*inner).
    """
    if law.ndim == 1:
        return np.searchsorted(np.cumsum(law[:-1]), u, side="right")
    outcome, total = np.zeros(u.shape, np.int64), np.zeros(u.shape)
    for k in range(law.shape[-1] - 1):
        total = total + law[..., k]
        outcome += u >= total
    return outcome


def thresholds(law: Array) -> Array:
    """Return where outcomes end in units of 2^-53, for compiled loops.

    Args:
        law: Probabilities, (*inner, K).

    Returns:
        2^53 times their running sums without the last, rounded up, uint64 (*inner, K - 1): the
        outcome is the number of them that are at most the 53 upper random bits.
    """
    sums = np.maximum(np.cumsum(law, -1)[..., :-1], 0)
    return np.ceil(sums * 2.0**53).astype(U64)

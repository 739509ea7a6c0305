"""Pictures as GIFs that repeat, written as a whole or not at all."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mfg_envs.game import Array, check_range

from ..runs.atomic_files import write_atomically

COLOURS, LEVELS = 128, 8
"""Of all pictures; colours that differ by less than this in every channel count as one."""
MOST_COLOURS = 256
"""Of one picture, the most it can have."""
HOLD = (0.6, 1.6)
"""Seconds that the first and the last picture stand still."""


def write_gif(path: str | Path, frames: Sequence[Array], fps: float = 10) -> None:
    """Write pictures as a GIF that repeats, with one palette for all; as a whole or not at all.

    Args:
        path: Of the file, ending in .gif.
        frames: uint8 (height, width, 3), all of one size, at least one.
        fps: Pictures a second, in [1, 50]; the first and the last stand still for a while.

    Raises:
        ImportError: If pillow is missing.
        ValueError: If an argument is out of its range.
    """
    path = Path(path)
    check_range("fps", fps, 1, 50)
    if path.suffix.lower() != ".gif":
        raise ValueError(f"an animation is a .gif, got {path}")
    if not len(frames) or len({np.shape(frame) for frame in frames}) > 1:
        raise ValueError("frames must be at least one picture, all of one size")
    image = pillow()
    palette = image.new("P", (1, 1))
    palette.putpalette(common_colours(frames).ravel().tolist())
    plain = image.Dither.NONE
    images = (image.fromarray(f).quantize(palette=palette, dither=plain) for f in frames)
    lasting = np.full(len(frames), round(1000 / fps))
    lasting[0], lasting[-1] = (round(1000 * seconds) for seconds in HOLD)
    _save(path, images, lasting.tolist(), optimize=False)


def stream_gif(path: Path, frames: Iterator[Array], fps: float) -> None:
    """Write pictures as they come, each with a palette of its own; none is kept in full colours.

    Args:
        path: Of the file.
        frames: uint8 (height, width, 3), at least one.
        fps: Pictures a second.

    Raises:
        ImportError: If pillow is missing.
    """
    image = pillow()
    images = (image.fromarray(frame).quantize(MOST_COLOURS, dither=0) for frame in frames)
    _save(path, images, round(1000 / fps), optimize=True)


def _save(path: Path, images: Iterator[Any], lasting: int | list[int], *, optimize: bool) -> None:
    first = next(images)
    options = {"append_images": images, "duration": lasting, "loop": 0, "optimize": optimize}
    write_atomically(path, lambda file: first.save(file, "GIF", save_all=True, **options))


def pillow() -> Any:
    """Return Pillow's module of images.

    Raises:
        ImportError: If it is missing; it says what to install.
    """
    try:
        return importlib.import_module("PIL.Image")
    except ImportError as error:
        raise ImportError('pictures need Pillow: pip install "mfg-envs[plot]"') from error


def common_colours(frames: Sequence[Array]) -> Array:
    """Return colours for all pictures, uint8 (at most ``COLOURS``, 3).

    Three quarters are those that there is most of, as they are; the others are far from these, so
    that the ends of colour bars survive.
    """
    chosen = np.unique(np.linspace(0, len(frames) - 1, 12).astype(int))
    pixels = np.concatenate([frames[k].reshape(-1, 3) for k in chosen])
    colours, counts = np.unique(pixels, axis=0, return_counts=True)
    order = np.argsort(-counts, kind="stable")
    first = np.sort(np.unique(colours[order] // LEVELS, axis=0, return_index=True)[1])
    colours, counts = colours[order][first], counts[order][first]
    common = 3 * COLOURS // 4
    chosen, rest = list(colours[:common]), colours[common:].astype(float)
    weight = np.log1p(counts[common:])
    near = np.min([((rest - colour) ** 2).sum(-1) for colour in chosen], axis=0)
    while len(chosen) < min(COLOURS, len(colours)):
        far = int((near * weight).argmax())
        chosen.append(rest[far].astype(np.uint8))
        near = np.minimum(near, ((rest - rest[far]) ** 2).sum(-1))
    return np.array(chosen, np.uint8)

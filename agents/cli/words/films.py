"""Pictures of an episode as one file: GIF, MP4 or the last frame as PNG; whole or not at all."""

from __future__ import annotations

import importlib
import itertools
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...figures.gifs import pillow, stream_gif
from ...runs.atomic_files import write_atomically
from .outputs import check_file

KINDS = (".gif", ".mp4", ".png")


def check_film(path: Path) -> None:
    """Refuse a file that cannot be written, before anything is played.

    Raises:
        ValueError: If the file has another ending, or its folder is missing.
        ImportError: If what writes it is missing; it says what to install.
    """
    check_file("--render", path, KINDS, "be human or ")
    if path.suffix == ".mp4":
        _ffmpeg()
    else:
        pillow()


def write_film(path: Path, frames: Iterator[Any], fps: float) -> None:
    """Write frames, uint8 (H, W, 3), as they come.

    Raises:
        OSError: If the file cannot be written.
    """
    if path.suffix == ".mp4":
        write_atomically(path, lambda file: _pipe(file.name, frames, fps))
        return
    if path.suffix == ".png":
        image, (*_, last) = pillow(), frames
        write_atomically(path, lambda file: image.fromarray(last).save(file, "PNG"))
        return
    stream_gif(path, frames, fps)


def _pipe(path: str, frames: Iterator[Any], fps: float) -> None:
    """Hand frames to ffmpeg, which writes the file."""
    first = next(frames)
    height, width = first.shape[:2]
    command = [_ffmpeg(), "-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", "rgb24"]
    command += ["-s", f"{width}x{height}", "-r", str(fps), "-i", "-", "-an"]
    command += ["-pix_fmt", "yuv420p", "-movflags", "+faststart", "-f", "mp4", path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        pipe: Any = process.stdin
        try:
            for frame in itertools.chain([first], frames):
                pipe.write(frame.tobytes())
        except BrokenPipeError:
            pass  # ffmpeg has ended: it says why below
        except BaseException:
            process.kill()
            raise
        said = process.communicate()[1].decode(errors="replace").strip()
    if process.returncode:
        raise OSError(f"ffmpeg cannot write the film: {said or process.returncode}")


def _ffmpeg() -> str:
    """Return the path of ffmpeg."""
    if found := shutil.which("ffmpeg"):
        return found
    try:
        return importlib.import_module("imageio_ffmpeg").get_ffmpeg_exe()
    except (ImportError, RuntimeError) as error:
        raise ImportError(
            "an .mp4 needs ffmpeg: install it with your system, or pip install imageio-ffmpeg;"
            " a .gif needs neither"
        ) from error

"""How much memory there is, asked before something large is built."""

from __future__ import annotations

from pathlib import Path


def check_memory(count: int, bytes_each: int, name: str) -> None:
    """Raise a ValueError if ``count`` things need more memory than the machine has free."""
    needed, free = count * bytes_each, _free_memory()
    if needed > free:
        raise ValueError(
            f"{name} = {count} needs {needed / 2**30:.1f} GiB ({bytes_each} bytes each),"
            f" {free / 2**30:.1f} GiB are free: use at most {free // bytes_each}"
        )


def _free_memory() -> int:
    """Return the bytes that can be had (Linux, file caches included), elsewhere 8 GiB."""
    try:
        lines = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
        return int(lines["MemAvailable"].split()[0]) << 10
    except (OSError, KeyError, ValueError):
        return 8 << 30

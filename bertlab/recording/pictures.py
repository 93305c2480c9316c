"""A recording as one small page of folded pictures, for a notebook's cell: no script, nothing from elsewhere.

It knows tensors and their names, and nothing of BERT: what has two last axes is drawn as a map of them, several maps
beside each other where there are more axes. The ink is a blue that is the more opaque the farther a value is from zero,
so that pictures read on light and dark paper alike. The more values, the smaller the pictures: the page stays small.
"""

from __future__ import annotations

import base64
import html
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch.nn.functional import adaptive_max_pool2d, pad

WHOLE = 95_000  # bytes of a page
FIXED = 1_500  # of them for what stands round the values
GROUP = 120  # bytes of a group beside its name and its values
MOST_LISTED = 400  # values; those after them are counted
TAG = 135  # bytes of a picture beside its pixels
LARGEST = 6_000  # bytes of one picture among others
ALONE = 40_000  # and of one that is asked for by itself
TILES = 16  # maps of one value beside each other
MASKED = 1e30  # what is larger stands for a masked score
INK = bytes((44, 120, 200))


@dataclass(frozen=True, repr=False)
class Picture:
    """One value of a recording as a picture; a notebook shows it."""

    name: str
    value: torch.Tensor

    def __repr__(self) -> str:
        return f"Picture of {self.name}: {_shape(self.value)}, {summary(self.value)}"

    def _repr_html_(self) -> str:
        return f'<div style="font-size:13px">{_line(self.name, self.value, ALONE)}</div>'


def page(values: Mapping[str, torch.Tensor], title: str, tokens: Sequence[str] = ()) -> str:
    """All values, in groups that fold; of each a small picture, its name, shape, mean, spread and range."""
    listed, written = _that_fit(values)
    room = min(LARGEST, max(0, WHOLE - FIXED - written) // max(1, len(listed)))
    parts = [f'<div style="font-size:13px"><b>{html.escape(title[:200])}</b>']
    if tokens:
        shown = " ".join(map(str, tokens[:40]))[:300] + (" …" if len(tokens) > 40 else "")
        parts.append(f"<div><code>{html.escape(shown)}</code></div>")
    for group, inside in _groups(listed).items():
        count = f"{len(inside)} value{'s' if len(inside) != 1 else ''}"
        lines = "".join(_line(name, value, room) for name, value in inside)
        parts.append(f"<details><summary>{html.escape(group[:120])} · {count}</summary>{lines}</details>")
    if len(values) > len(listed):
        parts.append(f"<div>and {len(values) - len(listed):,} more values</div>")
    return "".join([*parts, "</div>"])


def _that_fit(values: Mapping[str, torch.Tensor]) -> tuple[dict[str, torch.Tensor], int]:
    """The first values whose lines stay below the size of a page, and the bytes of these lines."""
    listed: dict[str, torch.Tensor] = {}
    groups: set[str] = set()
    written = 0
    for name, value in values.items():
        group, rest = _parts(str(name))
        bytes_more = len(_line(rest, value, 0).encode()) + (0 if group in groups else GROUP + len(group.encode()))
        if len(listed) == MOST_LISTED or written + bytes_more > WHOLE - FIXED:
            break
        groups.add(group)
        listed[name], written = value, written + bytes_more
    return listed, written


def _parts(name: str) -> tuple[str, str]:
    """A name up to its first number, or its first part; and the rest of it."""
    parts = name.split(".")
    numbers = [place for place, part in enumerate(parts) if part.isdigit()]
    ends = numbers[0] + 1 if numbers else 1
    return ".".join(parts[:ends]), ".".join(parts[ends:]) or name


def _groups(values: Mapping[str, torch.Tensor]) -> dict[str, list[tuple[str, torch.Tensor]]]:
    """Values by the first parts of their names; of each the rest of its name, and the value."""
    found: dict[str, list[tuple[str, torch.Tensor]]] = {}
    for name, value in values.items():
        group, rest = _parts(str(name))
        found.setdefault(group, []).append((rest, value))
    return found


def _line(name: str, value: torch.Tensor, room: int) -> str:
    """One value: its picture where there is room, and what is said of it."""
    said = f"<code>{html.escape(name[:120])}</code> {_shape(value)} · {summary(value)}"
    drawn = picture(value, room)
    return f"<div>{drawn}{' ' if drawn else ''}{said}</div>"


def _shape(value: torch.Tensor) -> str:
    return " × ".join(map(str, value.shape)) or "a number"


def summary(value: torch.Tensor) -> str:
    """Mean, standard deviation and range of the numbers; masked scores and what is no number are counted apart."""
    if not value.numel():
        return "empty"
    numbers = value.detach().float().flatten()
    ordinary = numbers[numbers.abs() < MASKED]  # nothing that is no number, either
    others = numbers.numel() - ordinary.numel()
    said = f"{others:,} masked or no number" if others else ""
    if not ordinary.numel():
        return said
    spread = float(ordinary.std(unbiased=False))
    low, high = float(ordinary.min()), float(ordinary.max())
    return ", ".join(filter(None, [f"{float(ordinary.mean()):.3g} ± {spread:.3g}, {low:.3g} to {high:.3g}", said]))


# ------------------------------------------------------------------------------------------------------- pictures


def picture(value: torch.Tensor, room: int) -> str:
    """The value as an image inside the page, of at most about `room` bytes; empty where that is too little."""
    bits = 4 if room >= 1500 else 2  # a pixel
    overhead = 93 + 4 * 2**bits  # of a PNG file with a palette
    pixels = int(((room - TAG) * 0.74 - overhead) * 8 / bits * 0.9)
    if pixels < 32 or not value.numel():
        return ""
    levels = _laid_out(_tiles(value.detach().float().cpu()), pixels, 2**bits - 1)
    data = base64.b64encode(_png(levels, bits)).decode("ascii")
    height, width = levels.shape
    scale = max(1, min(8, round((240 if room >= ALONE else 36) / height), 640 // width))
    size = f'width="{width * scale}" height="{height * scale}" style="image-rendering:pixelated;vertical-align:middle"'
    return f'<img alt="" {size} src="data:image/png;base64,{data}">'


def _tiles(value: torch.Tensor) -> list[torch.Tensor]:
    """The maps of the first text, (rows, columns) each; a vector is one row."""
    if value.dim() < 2:
        return [value.reshape(1, -1)]
    while value.dim() > 4:
        value = value[0]
    if value.dim() == 4:  # (batch, heads, query, key)
        return list(value[0][:TILES])
    return [value[0] if value.dim() == 3 else value]


def _laid_out(maps: Sequence[torch.Tensor], pixels: int, top: int) -> torch.Tensor:
    """Maps beside each other, shrunk to about so many pixels in all: (height, width) of levels 0 to `top`."""
    across = max(1, round((1.5 * len(maps)) ** 0.5)) if len(maps) > 1 else 1
    down = -(-len(maps) // across)
    rows, columns = maps[0].shape
    each = max(4, pixels // (across * down))
    shape = min(max(columns / rows, 0.5), 4.0) if len(maps) == 1 else 1.0
    high = max(1, min(rows, int((each / shape) ** 0.5)))
    wide = max(1, min(columns, each // high))
    sheet = torch.zeros(down * (high + 1) - 1, across * (wide + 1) - 1, dtype=torch.uint8)
    for number, one_map in enumerate(maps):
        row, column = divmod(number, across)
        sheet[row * (high + 1) :, column * (wide + 1) :][:high, :wide] = _levels(one_map, high, wide, top)
    return sheet


def _levels(one_map: torch.Tensor, high: int, wide: int, top: int) -> torch.Tensor:
    """A map shrunk, the largest of each block counts: 0 for zero, `top` for what is far from it; few outliers, such as
    single dimensions of a hidden state, do not set the scale."""
    sizes = torch.where(one_map.abs() < MASKED, one_map.abs(), torch.zeros(()))
    small = adaptive_max_pool2d(sizes[None, None], (high, wide))[0, 0]
    scale = float(small.flatten().sort().values[int(0.95 * (small.numel() - 1))]) or float(small.max())
    return (small / scale * top).round().clamp_max(top).to(torch.uint8) if scale > 0 else small.to(torch.uint8)


def _png(levels: torch.Tensor, bits: int) -> bytes:
    """Levels as a PNG of `bits` bits a pixel: one ink, the more opaque the higher the level."""
    height, width = levels.shape
    many = 8 // bits
    parts = pad(levels, (0, -width % many)).reshape(height, -1, many).long()
    packed = sum(parts[..., at] << (8 - bits * (at + 1)) for at in range(many)).to(torch.uint8)
    rows = b"".join(b"\0" + bytes(row) for row in packed.tolist())

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, bits, 3, 0, 0, 0)
    count = 2**bits
    clear = bytes(round(255 * level / (count - 1)) for level in range(count))
    chunks = [(b"IHDR", header), (b"PLTE", INK * count), (b"tRNS", clear), (b"IDAT", zlib.compress(rows, 9))]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in [*chunks, (b"IEND", b"")])

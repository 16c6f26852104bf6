#!/usr/bin/env python3
"""Writes the codebooks of the IQ1, IQ2 and IQ3 types for dev.phial.quant.Codebook.

    pip install gguf==0.19.0
    tools/make-grids.py core/src/main/resources/dev/phial/quant

The package gguf ships the codebooks that decoders use. Each becomes a file NAME.grid: the points in
the order of their numbers, each a little-endian uint16 that packs the levels of its coordinates, the
first lowest: two bits a level for 8 coordinates, three bits for 4. What a level stands for is not in
the file, the types differ in it. IQ1_M shares the codebook of IQ1_S.
"""

import importlib.metadata
import pathlib
import struct
import sys

from gguf import quants

VERSION = "0.19.0"
TYPES = ("IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ3_XXS", "IQ3_S", "IQ1_S")


def pack(name: str) -> bytes:
    cls = getattr(quants, name)
    cls.init_grid()
    points = cls.grid.reshape(cls.grid_shape)
    bits = {8: 2, 4: 3}[points.shape[1]]
    level = {value: i for i, value in enumerate(cls.grid_map)}
    packed = [
        sum(level[int(value)] << bits * i for i, value in enumerate(point)) for point in points
    ]
    assert len(set(packed)) == len(packed), name
    return struct.pack(f"<{len(packed)}H", *packed)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = importlib.metadata.version("gguf")
    if found != VERSION:
        sys.exit(f"expected gguf {VERSION}, found {found}; pip install gguf=={VERSION}")
    for name in TYPES:
        path = pathlib.Path(sys.argv[1], name + ".grid")
        path.write_bytes(pack(name))
        print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()

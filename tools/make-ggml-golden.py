#!/usr/bin/env python3
"""Writes what ggml makes of known inputs, for dev.phial.quant.FormatContractTest.

    tools/make-ggml-golden.py LIBRARY core/src/test/resources/dev/phial/quant/ggml-golden.json
    tools/make-ggml-golden.py LIBRARY --show TYPE IMPORTANCE BLOCK

LIBRARY is libggml-base.so (or .dylib) of llama.cpp, built for x86-64 without FMA in ggml-base, which
is how its CMake files build it. The inputs are made from integers and powers of two, so that
GoldenRows.java makes the same floats. For every type and importance the file holds the SHA-256 of
the quantized bytes of all rows, the SHA-256 of the floats they are read back as, and the low 16 bits
of the CRC-32 of the bytes of every 256 elements, to find the first that differs. --show prints the
bytes of one such block.
"""

import ctypes
import hashlib
import json
import struct
import sys
import zlib

COLUMNS = 1024
BLOCK = 256
MASK = (1 << 64) - 1

# the numbers of enum ggml_type
TYPES = {
    "F32": 0,
    "F16": 1,
    "BF16": 30,
    "Q8_0": 8,
    "Q4_0": 2,
    "Q4_1": 3,
    "Q5_0": 6,
    "Q5_1": 7,
    "Q2_K": 10,
    "Q3_K": 11,
    "Q4_K": 12,
    "Q5_K": 13,
    "Q6_K": 14,
    "IQ4_NL": 20,
    "IQ4_XS": 23,
    "IQ3_S": 21,
    "IQ3_XXS": 18,
    "IQ2_S": 22,
    "IQ2_XS": 17,
    "IQ2_XXS": 16,
    "IQ1_M": 29,
    "IQ1_S": 19,
    "MXFP4": 39,
    "TQ2_0": 35,
    "TQ1_0": 34,
    "Q2_0": 42,
    "Q1_0": 41,
}
ROWS = "gauss bf16 heavy outliers integers patches sparse shrinking subnormal large".split()
IMPORTANCES = "none smooth sparse wide zero".split()


class Random:
    """SplitMix64."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
        return z ^ (z >> 31)

    def below(self, bound):
        return (self.next() >> 32) % bound

    def bell(self):
        """A whole number within 2^17 of 0, close to normal, standard deviation about 37837."""
        z = self.next()
        return (z & 0xFFFF) + (z >> 16 & 0xFFFF) + (z >> 32 & 0xFFFF) + (z >> 48) - 0x20000


def eight_bits(n):
    drop = max(0, abs(n).bit_length() - 8)
    size = abs(n) >> drop << drop
    return -size if n < 0 else size


def row(kind):
    random = Random(ROWS.index(kind))
    values = []
    for i in range(COLUMNS):
        n = random.bell()
        part = i // 32
        if kind == "gauss":
            value = n * 2.0**-21
        elif kind == "bf16":
            value = eight_bits(n) * 2.0**-21
        elif kind == "heavy":
            value = n * 2.0 ** (random.below(4) * random.below(4) - 24)
        elif kind == "outliers":
            value = n * (2.0**-15 if i % 61 == 5 else 2.0**-21)
        elif kind == "integers":
            value = (n % 17 - 8) * 2.0**-7
        elif kind == "patches":
            value = (
                0.0,
                0.03125,
                -0.03125,
                0.03125 if i % 32 == 5 else 0.0,
                0.03125 if n & 1 else -0.03125,
                -0.0,
                n * 2.0**-21,
            )[part % 7]
        elif kind == "sparse":
            value = n * 2.0**-21 if random.below(16) == 0 else 0.0
        elif kind == "shrinking":
            value = n * 2.0 ** -(21 + 10 * (part % 13))
        elif kind == "subnormal":
            value = n * 2.0**-149
        else:
            value = n * 2.0**-3
        values.append(value)
    return values


def importance(kind):
    if kind == "none":
        return None
    random = Random(100 + IMPORTANCES.index(kind))
    values = []
    for i in range(COLUMNS):
        n = random.bell()
        if kind == "smooth":
            value = (n >> 6) * (n >> 6) * 2.0**-18
        elif kind == "sparse":
            value = 0.0 if n & 1 or i // 16 % 3 == 0 else (n & 0xFFF) * 2.0**-12
        elif kind == "wide":
            value = (n & 0xFFF) * 2.0 ** (random.below(40) - 30)
        else:
            value = 0.0
        values.append(value)
    return values


class Traits(ctypes.Structure):
    _fields_ = [
        ("type_name", ctypes.c_char_p),
        ("blck_size", ctypes.c_int64),
        ("blck_size_interleave", ctypes.c_int64),
        ("type_size", ctypes.c_size_t),
        ("is_quantized", ctypes.c_bool),
        ("to_float", ctypes.c_void_p),
        ("from_float_ref", ctypes.c_void_p),
    ]


class Ggml:
    def __init__(self, path):
        self.library = ctypes.CDLL(path)
        self.library.ggml_get_type_traits.restype = ctypes.POINTER(Traits)
        self.library.ggml_quantize_requires_imatrix.restype = ctypes.c_bool
        self.library.ggml_quantize_chunk.restype = ctypes.c_size_t
        self.library.ggml_quantize_chunk.argtypes = (
            [ctypes.c_int] + [ctypes.c_void_p] * 2 + [ctypes.c_int64] * 3 + [ctypes.c_void_p]
        )

    def needs_importance(self, name):
        return self.library.ggml_quantize_requires_imatrix(TYPES[name])

    def quantize(self, name, rows, weights):
        values = [value for row in rows for value in row]
        source = (ctypes.c_float * len(values))(*values)
        if list(source) != values:
            raise AssertionError("an input is not a float")
        matrix = None if weights is None else (ctypes.c_float * len(weights))(*weights)
        if matrix is not None and list(matrix) != weights:
            raise AssertionError("an importance is not a float")
        traits = self.library.ggml_get_type_traits(TYPES[name]).contents
        if traits.type_name.decode().upper() != name:
            raise AssertionError(name + " has another number in this library")
        size = len(values) // traits.blck_size * traits.type_size
        out = ctypes.create_string_buffer(size)
        written = self.library.ggml_quantize_chunk(
            TYPES[name], source, out, 0, len(rows), COLUMNS, matrix
        )
        assert written == size, name
        floats = (ctypes.c_float * len(values))()
        if traits.to_float:
            convert = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
            convert(traits.to_float)(ctypes.addressof(out), ctypes.addressof(floats), len(values))
        else:
            ctypes.memmove(floats, out, size)
        if any(value != value for value in floats):
            raise AssertionError(name + " reads back a NaN, which has no one bit pattern")
        return out.raw, bytes(floats)


def blocks(data):
    size = len(data) * BLOCK // (len(ROWS) * COLUMNS)
    return [data[at : at + size] for at in range(0, len(data), size)]


def main():
    if len(sys.argv) == 3:
        ggml = Ggml(sys.argv[1])
        rows = [row(kind) for kind in ROWS]
        cases = []
        for name in TYPES:
            for kind in IMPORTANCES:
                if kind == "none" and ggml.needs_importance(name):
                    continue
                data, floats = ggml.quantize(name, rows, importance(kind))
                cases.append(
                    {
                        "type": name,
                        "importance": kind,
                        "bytes": hashlib.sha256(data).hexdigest(),
                        "floats": hashlib.sha256(floats).hexdigest(),
                        "blocks": "".join(
                            struct.pack(">H", zlib.crc32(block) & 0xFFFF).hex()
                            for block in blocks(data)
                        ),
                    }
                )
        with open(sys.argv[2], "w", encoding="ascii") as out:
            out.write("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")
        print(len(cases), "cases")
    elif len(sys.argv) == 6 and sys.argv[2] == "--show":
        name, kind, block = sys.argv[3:]
        data, _ = Ggml(sys.argv[1]).quantize(name, [row(k) for k in ROWS], importance(kind))
        print(blocks(data)[int(block)].hex())
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()

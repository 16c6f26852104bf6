"""Reads BMP files of 24 bits a pixel, for want of a library of images."""

import numpy


def read(file):
    """[height, width, 3], red first."""
    data = open(file, "rb").read()
    start, width, height = (int.from_bytes(data[at : at + 4], "little") for at in (10, 18, 22))
    rows = numpy.frombuffer(data, numpy.uint8, offset=start)
    stride = (3 * width + 3) // 4 * 4
    return numpy.ascontiguousarray(rows[: stride * height].reshape(height, stride)[::-1, : 3 * width].reshape(height, width, 3)[:, :, ::-1])

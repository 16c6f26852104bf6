#!/usr/bin/env python3
"""Lists the codes and scales in models of litert-torch, for LitertGoldenTest.

    tools/make-litert-golden.py MODEL:SCHEME=FILE.tflite... >core/src/test/resources/dev/phial/targets/litert/codes.tsv

Wants ai-edge-litert 2.3.0 and numpy. The files are fixtures/models as litert-torch 0.10.0 converts them by its examples
(phi2, phi3, phi4) with the quantization SCHEME of its recipes (fp16, q8, q4_block32, q4_block128, dynamic_wi4_afp32). A
line holds model, scheme and the SHA-256 of the codes and of the scales of a matrix. Phi-2's queries, keys and values are
left away: litert-torch joins them, head by head.
"""

import hashlib
import sys

import numpy as np
from ai_edge_litert import schema_py_generated as schema

CODES = (schema.TensorType.INT8, schema.TensorType.INT4)
BLOCKWISE = schema.QuantizationDetails.BlockwiseQuantization


def sha256(data):
    return hashlib.sha256(bytes(data)).hexdigest()


def lines(path):
    raw = np.fromfile(path, np.uint8)
    model = schema.Model.GetRootAs(raw.tobytes(), 0)

    def data(tensor):
        buffer = model.Buffers(tensor.Buffer())
        if buffer.Offset() > 1:
            return raw[buffer.Offset() : buffer.Offset() + buffer.Size()]
        return buffer.DataAsNumpy() if buffer.DataLength() else raw[:0]

    for graph in map(model.Subgraphs, range(model.SubgraphsLength())):
        for tensor in map(graph.Tensors, range(graph.TensorsLength())):
            if tensor.ShapeLength() != 2 or len(data(tensor)) == 0:
                continue
            quantization = tensor.Quantization()
            if tensor.Type() in CODES and quantization is not None:
                if quantization.DetailsType() == BLOCKWISE:
                    details = schema.BlockwiseQuantization()
                    details.Init(quantization.Details().Bytes, quantization.Details().Pos)
                    scales = data(graph.Tensors(details.Scales()))
                else:
                    scales = quantization.ScaleAsNumpy().astype("<f4").tobytes()
                yield tensor.Name().decode(), sha256(data(tensor)), sha256(scales)
            elif tensor.Type() == schema.TensorType.FLOAT16 and not tensor.Name().endswith(b"scales"):
                yield tensor.Name().decode(), sha256(data(tensor)), "-"


def main():
    print("model", "scheme", "codes", "scales", sep="\t")
    for argument in sys.argv[1:]:
        key, path = argument.split("=", 1)
        model, scheme = key.split(":")
        found = [line[1:] for line in lines(path) if model != "phi2" or "qkv_projection" not in line[0]]
        for line in dict.fromkeys(found):
            print(model, scheme, *line, sep="\t")


if __name__ == "__main__":
    main()

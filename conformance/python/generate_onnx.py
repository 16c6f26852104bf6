"""Prints what ONNX Runtime GenAI generates greedily from token ids.

    generate_onnx.py FOLDER COUNT ID...
"""

import json
import sys

import numpy
import onnxruntime_genai

folder, count, *ids = sys.argv[1:]
ids, count = [int(id) for id in ids], int(count)
model = onnxruntime_genai.Model(folder)
parameters = onnxruntime_genai.GeneratorParams(model)
parameters.set_search_options(max_length=len(ids) + count, min_length=len(ids) + count, do_sample=False)
generator = onnxruntime_genai.Generator(model, parameters)
generator.append_tokens(numpy.array(ids, dtype=numpy.int32))
while not generator.is_done():
    generator.generate_next_token()
json.dump(generator.get_sequence(0)[len(ids) :].tolist(), sys.stdout)

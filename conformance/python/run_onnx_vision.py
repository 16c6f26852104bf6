"""Asks ONNX Runtime GenAI about an image, and about none.

    run_onnx_vision.py FOLDER IMAGE PROMPT TEXT COUNT

IMAGE.bmp and IMAGE.png are the same square of 336 pixels. Prints as JSON what the encoder makes of it as an image of
one square, one of every 29 numbers; what is generated greedily after the prompt about the image; and after the text.
"""

import json
import sys

import numpy
import onnxruntime
import onnxruntime_genai

from bitmap import read

MEAN, DEVIATION = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
folder, image, prompt, text, count = sys.argv[1:]


def features():
    square = (read(image + ".bmp") / numpy.float32(255) - MEAN) / DEVIATION
    pixels = numpy.stack([square, square]).transpose(0, 3, 1, 2)[None].astype(numpy.float32)
    session = onnxruntime.InferenceSession(folder + "/vision.onnx")
    inputs = {"pixel_values": pixels, "image_sizes": numpy.array([[336, 336]])}
    rows = session.run(["image_features"], inputs)[0]
    return {"rows": rows.shape[0], "numbers": rows.reshape(-1)[::29].tolist()}


def generate(model, processor, text, images):
    parameters = onnxruntime_genai.GeneratorParams(model)
    parameters.set_search_options(max_length=3000, do_sample=False)
    generator = onnxruntime_genai.Generator(model, parameters)
    generator.set_inputs(processor(text, images=images) if images else processor(text))
    tokens = generator.token_count()
    found = []
    for _ in range(int(count)):
        generator.generate_next_token()
        found.append(int(generator.get_next_tokens()[0]))
    return {"prompt_tokens": tokens, "ids": found}


model = onnxruntime_genai.Model(folder)
processor = model.create_multimodal_processor()
json.dump(
    {
        "features": features(),
        "image": generate(model, processor, prompt, onnxruntime_genai.Images.open(image + ".png")),
        "text": generate(model, processor, text, None),
    },
    sys.stdout,
)

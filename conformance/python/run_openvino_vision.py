"""Asks OpenVINO GenAI about an image.

    run_openvino_vision.py FOLDER IMAGE.bmp PROMPT COUNT

Prints as JSON how many tokens the prompt has with the image, and the text of those that are generated greedily.
"""

import json
import sys

import openvino
import openvino_genai

from bitmap import read

folder, image, prompt, count = sys.argv[1:]
EXACT = {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "0"}
pipeline = openvino_genai.VLMPipeline(folder, "CPU", **EXACT)
config = openvino_genai.GenerationConfig(
    max_new_tokens=int(count), ignore_eos=True, do_sample=False, apply_chat_template=False
)
result = pipeline.generate(prompt, images=[openvino.Tensor(read(image))], generation_config=config)
json.dump({"prompt_tokens": result.perf_metrics.get_num_input_tokens(), "text": result.texts[0]}, sys.stdout)

#!/usr/bin/env python3
"""Writes tiny models that see, and what their references see, for dev.phial.engine.vision.ViewerTest.

    tools/make-vision-golden.py fixtures/models engine/src/test/resources/dev/phial/engine/vision

Needs torch, torchvision, transformers 5.23, pillow and safetensors. "siglip" is transformers' Phi-4-multimodal with its
own image processor, and the adapter for images in a folder beside it. "clip" and "naflex" are transformers' CLIP and
SigLIP2 behind its Phi-3, put together as the code published with Phi-3-vision and Phi-4-reasoning-vision does; their
images are resized by Pillow, as there. The weights of naflex are those of fixtures/models/phi4-reasoning-vision."""

import json
import math
import os
import sys

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from transformers import (CLIPVisionConfig, CLIPVisionModel, Phi3Config, Phi3ForCausalLM, Phi4MultimodalConfig,
                          Phi4MultimodalForCausalLM, Siglip2VisionConfig, Siglip2VisionModel)

HIDDEN, VOCABULARY, IMAGE = 64, 256, 250
EAGER = {"attn_implementation": "eager"}
TEXT = dict(vocab_size=VOCABULARY, hidden_size=HIDDEN, intermediate_size=64, num_hidden_layers=1,
            num_attention_heads=4, num_key_value_heads=2, bos_token_id=1, eos_token_id=2, pad_token_id=2)
BEFORE, AFTER = [3, 14, 15, 92, 65], [35, 89, 79, 32, 38, 46, 26]


def picture(file, width, height):
    y, x = np.mgrid[0:height, 0:width]
    parts = [127 + 120 * np.sin(x / 9 + y / 31), 255 * (x + y) / (width + height), 127 + 120 * np.cos(x * y / 2000)]
    Image.fromarray(np.stack(parts, -1).round().astype(np.uint8)).save(file, optimize=True)
    return Image.open(file)


@torch.no_grad()
def fill(model, seed):
    generator = torch.Generator().manual_seed(seed)
    for name, value in model.named_parameters():
        noise = torch.randn(value.shape, generator=generator)
        if "norm" in name and name.endswith("weight"):
            value.copy_(1 + 0.2 * noise)
        elif name.endswith("bias"):
            value.copy_(0.1 * noise)
        elif value.dim() < 2 or "embed" in name and "patch" not in name and "projection" not in name:
            value.copy_(0.4 * noise)
        else:
            value.copy_(noise * 0.7 / math.sqrt(value[0].numel()))
    model.load_state_dict({name: value.bfloat16().float() for name, value in model.state_dict().items()})
    return model.eval()


def save(folder, tensors, config, preprocessor):
    os.makedirs(folder, exist_ok=True)
    save_file({n: t.detach().bfloat16().contiguous() for n, t in tensors.items()}, folder + "/model.safetensors")
    json.dump(config, open(folder + "/config.json", "w"), indent=2, sort_keys=True)
    json.dump(preprocessor, open(folder + "/preprocessor_config.json", "w"), indent=2)


def golden(file, rows, logits):
    """Every 29th row that the text model is given, and the logits after the prompt."""
    save_file({
        "count": torch.tensor([rows.shape[0]], dtype=torch.int32), "rows": rows[::29].flatten().contiguous(),
        "before": torch.tensor(BEFORE, dtype=torch.int32), "after": torch.tensor(AFTER, dtype=torch.int32),
        "logits": logits.contiguous()}, file)
    print(file, tuple(rows.shape), float(logits.std()))


def spliced(text, rows):
    embedding = text.get_input_embeddings()
    parts = [embedding(torch.tensor(BEFORE)), rows, embedding(torch.tensor(AFTER))]
    return text(inputs_embeds=torch.cat(parts)[None], use_cache=False).logits[0, -1]


def siglip(out, pictures):
    vision = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, image_token_id=IMAGE)
    audio = dict(hidden_size=16, intermediate_size=16, num_blocks=1, num_attention_heads=2, ext_pw_out_channel=16,
                 depthwise_separable_out_channel=16, nemo_conv_channels=8, audio_token_id=IMAGE + 1)
    rope = {"rope_type": "default", "rope_theta": 10000.0}
    config = Phi4MultimodalConfig(**TEXT, tie_word_embeddings=True, vision_config=vision, audio_config=audio,
                                  max_position_embeddings=4096, original_max_position_embeddings=4096,
                                  rope_parameters=rope, sliding_window=None)
    model = fill(Phi4MultimodalForCausalLM._from_config(config, **EAGER), 1)
    published = {**TEXT, "architectures": ["Phi4MultimodalForCausalLM"], "model_type": "phi4_multimodal",
                 "max_position_embeddings": 4096, "original_max_position_embeddings": 4096, "rope_theta": 10000.0,
                 "rope_scaling": None, "sliding_window": None, "tie_word_embeddings": True, "torch_dtype": "bfloat16",
                 "vision_config": vision}
    folder = f"{out}/siglip"
    kept = {n: t for n, t in model.state_dict().items() if "audio" not in n and "lm_head" not in n}
    save(folder, kept, published, {"dynamic_hd": 36})
    generator = torch.Generator().manual_seed(9)
    adapter = {}
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if name.startswith("model.layers.") and "proj" in name:
                down, up = (torch.randn(shape, generator=generator).mul(0.1).bfloat16().float()
                            for shape in ((2, weight.shape[1]), (weight.shape[0], 2)))
                module = "base_model.model." + name[:-len(".weight")]
                adapter |= {module + ".lora_A.weight": down, module + ".lora_B.weight": up}
                weight += 2 * up @ down
    os.makedirs(folder + "/vision-lora", exist_ok=True)
    save_file(adapter, folder + "/vision-lora/adapter_model.safetensors")
    json.dump({"peft_type": "LORA", "r": 2, "lora_alpha": 4},
              open(folder + "/vision-lora/adapter_config.json", "w"), indent=2)
    from transformers.models.phi4_multimodal.image_processing_phi4_multimodal import Phi4MultimodalImageProcessor
    for name, image in pictures.items():
        seen = Phi4MultimodalImageProcessor()(image, return_tensors="pt")
        count = int(seen["num_img_tokens"][0])
        ids = torch.tensor([BEFORE + [IMAGE] * count + AFTER])
        given = dict(image_pixel_values=seen["image_pixel_values"], image_sizes=seen["image_sizes"],
                     image_attention_mask=seen["image_attention_mask"])
        with torch.no_grad():
            embeds = model.model.embed_tokens_extend.image_embed(
                ids, model.get_input_embeddings()(ids), given["image_pixel_values"], given["image_sizes"],
                given["image_attention_mask"])
            rows = embeds[0, len(BEFORE):len(BEFORE) + count]
            golden(f"{out}/siglip-{name}.safetensors", rows, model(input_ids=ids, use_cache=False, **given).logits[0, -1])


def stretched(image, most, side=336):
    """Phi-3-vision's image in whole squares, and all of it in one."""
    tall = image.width < image.height
    image = image.transpose(Image.TRANSPOSE) if tall else image
    ratio, scale = image.width / image.height, 1
    while scale * math.ceil(scale / ratio) <= most:
        scale += 1
    width = (scale - 1) * side
    height = int(width / ratio)
    padded = Image.new("RGB", (width, -(-height // side) * side), (255, 255, 255))
    padded.paste(image.resize((width, height), Image.BILINEAR), (0, (padded.height - height) // 2))
    padded = padded.transpose(Image.TRANSPOSE) if tall else padded
    mean, deviation = (torch.tensor(v)[:, None, None] for v in (
        (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)))
    pixels = (torch.from_numpy(np.array(padded)).permute(2, 0, 1).float() / 255 - mean) / deviation
    whole = torch.nn.functional.interpolate(pixels[None], size=(side, side), mode="bicubic")
    rows, columns = pixels.shape[1] // side, pixels.shape[2] // side
    parts = pixels.reshape(3, rows, side, columns, side).permute(1, 3, 0, 2, 4).reshape(-1, 3, side, side)
    return torch.cat([whole, parts]), rows, columns


@torch.no_grad()
def clip(out, pictures):
    text = fill(Phi3ForCausalLM._from_config(Phi3Config(
        **TEXT, tie_word_embeddings=False, max_position_embeddings=4096,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0}), **EAGER), 2)
    settings = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=3, num_attention_heads=4, image_size=336,
                    patch_size=14, hidden_act="quick_gelu")
    tower = fill(CLIPVisionModel._from_config(CLIPVisionConfig(**settings), **EAGER), 3)
    projector = fill(torch.nn.Sequential(
        torch.nn.Linear(128, HIDDEN), torch.nn.GELU(), torch.nn.Linear(HIDDEN, HIDDEN)), 4)
    generator = torch.Generator().manual_seed(5)
    between, end = (torch.randn(128, generator=generator).bfloat16().float() for _ in range(2))
    root = "model.vision_embed_tokens."
    tensors = dict(text.state_dict())
    for name, value in tower.state_dict().items():
        if "position_ids" not in name:
            name = name if name.startswith("vision_model.") else "vision_model." + name
            tensors[f"{root}img_processor.{name}"] = value
    tensors |= {f"{root}img_projection.{name}": value for name, value in projector.state_dict().items()}
    tensors |= {root + "glb_GN": between.reshape(1, 1, 128), root + "sub_GN": end.reshape(1, 1, 1, 128)}
    config = {**TEXT, "architectures": ["Phi3VForCausalLM"], "model_type": "phi3_v", "max_position_embeddings": 4096,
              "original_max_position_embeddings": 4096, "rope_theta": 10000.0, "rope_scaling": None,
              "tie_word_embeddings": False, "torch_dtype": "bfloat16", "sliding_window": None,
              "vision_config": {"num_attention_heads": 4}}
    save(f"{out}/clip", tensors, config, {"num_crops": 4})

    def with_ends(features):
        rows, columns, depth = features.shape
        return torch.cat([features, end.expand(rows, 1, depth)], 1).reshape(-1, depth)

    def merged(features, rows, columns):
        """[rows * columns, 24 * 24, 32] to [12 * rows, 12 * columns, 128]"""
        return features.reshape(rows, columns, 12, 2, 12, 2, 32).permute(0, 2, 1, 4, 3, 5, 6).reshape(
            12 * rows, 12 * columns, 128)

    for name, image in pictures.items():
        squares, rows, columns = stretched(image, 4)
        features = tower(squares, output_hidden_states=True).hidden_states[-2][:, 1:]
        seen = torch.cat([with_ends(merged(features[1:], rows, columns)), between[None],
                          with_ends(merged(features[:1], 1, 1))])
        projected = projector(seen)
        golden(f"{out}/clip-{name}.safetensors", projected, spliced(text, projected))


@torch.no_grad()
def naflex(models, out, pictures):
    from transformers.models.siglip2.image_processing_siglip2 import get_image_size_for_max_num_patches

    folder = f"{models}/phi4-reasoning-vision"
    config = json.load(open(folder + "/config.json"))
    tensors = {name: value.float() for name, value in load_file(folder + "/model.safetensors").items()}
    plain = {key: value for key, value in config.items() if key not in ("auto_map", "model_type")}
    text = Phi3ForCausalLM.from_pretrained(folder, config=Phi3Config(**plain), dtype=torch.float32, **EAGER).eval()
    tower = Siglip2VisionModel._from_config(Siglip2VisionConfig(**config["vision_config"]), **EAGER).eval()
    prefix = "model.vision_tower.vision_tower."
    own = {name[len(prefix):]: value for name, value in tensors.items() if name.startswith(prefix)}
    strip = not any(name.startswith("vision_model.") for name in tower.state_dict())
    tower.load_state_dict({name.removeprefix("vision_model.") if strip else name: v for name, v in own.items()})
    width = config["hidden_size"]
    projector = torch.nn.Sequential(torch.nn.Linear(64, width), torch.nn.GELU(), torch.nn.Linear(width, width))
    projector.load_state_dict({n[len("model.mm_projector."):]: v for n, v in tensors.items() if "mm_projector" in n})
    for name, image in pictures.items():
        count = max((image.width // 16) * (image.height // 16), 1)
        height, width = get_image_size_for_max_num_patches(
            image.height, image.width, 16, min(max(count, config["min_num_patches"]), config["max_num_patches"]))
        pixels = torch.from_numpy(np.array(image.resize((width, height), Image.BILINEAR))).float() / 255 * 2 - 1
        rows, columns = height // 16, width // 16
        patches = pixels.reshape(rows, 16, columns, 16, 3).permute(0, 2, 1, 3, 4).reshape(1, rows * columns, -1)
        features = tower(pixel_values=patches, pixel_attention_mask=torch.ones(1, rows * columns, dtype=torch.long),
                         spatial_shapes=torch.tensor([[rows, columns]]), output_hidden_states=True).hidden_states[-2][0]
        projected = projector(features)
        golden(f"{out}/naflex-{name}.safetensors", projected, spliced(text, projected))


def main(models, out):
    torch.set_num_threads(2)
    os.makedirs(out, exist_ok=True)
    pictures = {name: picture(f"{out}/{name}.png", *size) for name, size in
                {"wide": (500, 300), "tall": (120, 470), "square": (448, 448)}.items()}
    siglip(out, pictures)
    clip(out, pictures)
    naflex(models, out, pictures)


if __name__ == "__main__":
    main(*sys.argv[1:])

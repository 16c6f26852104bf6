#!/usr/bin/env python3
"""Writes adapters as peft saves them, and what transformers predicts with them, for dev.phial.engine.run.AdapterTest.

    tools/make-adapter-golden.py fixtures/models engine/src/test/resources/dev/phial/engine/run/adapters

Needs torch, transformers 5.23, peft 0.21 and safetensors. Every adapter is a folder: adapter_config.json,
adapter_model.safetensors, random numbers, and golden.safetensors: some tokens, and the logits after them in single
precision. "split" was trained on a Llama that has the weights of phi4, projections apart."""

import json
import os
import sys

import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

COUNT = 24
OPTIONS = {"dtype": torch.float32, "attn_implementation": "eager"}
CASES = {
    "fused": ("phi3-mini-4k", dict(
        r=4, lora_alpha=8, target_modules=["qkv_proj", "o_proj", "gate_up_proj", "down_proj"], use_rslora=True,
        rank_pattern={"layers.0.self_attn.qkv_proj": 2}, alpha_pattern={"o_proj": 16})),
    "dora": ("phi4", dict(r=2, lora_alpha=4, target_modules=["qkv_proj", "down_proj"], use_dora=True)),
    "split": ("phi4", dict(r=2, lora_alpha=8, target_modules=["q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"])),
    "tied": ("phi4-mini", dict(r=2, lora_alpha=4, target_modules=["embed_tokens", "qkv_proj"])),
    "saved": ("phi2", dict(
        r=2, lora_alpha=4, target_modules=["q_proj", "fc2"], modules_to_save=["final_layernorm"], bias="all")),
}


def tokens(config):
    return [(17 + 7919 * i + i * i * 31) % (config["vocab_size"] - 8) for i in range(COUNT)]


def llama(folder, config):
    """The model of a Phi-3 with its projections taken apart."""
    heads, shared = config["num_attention_heads"], config["num_key_value_heads"]
    model = LlamaForCausalLM._from_config(LlamaConfig(
        vocab_size=config["vocab_size"], hidden_size=config["hidden_size"], rms_norm_eps=config["rms_norm_eps"],
        intermediate_size=config["intermediate_size"], num_hidden_layers=config["num_hidden_layers"],
        num_attention_heads=heads, num_key_value_heads=shared, max_position_embeddings=4096, tie_word_embeddings=False,
        rope_parameters={"rope_type": "default", "rope_theta": config["rope_theta"]}, bos_token_id=1, eos_token_id=2,
    ), attn_implementation="eager")
    parts = {}
    for name, weight in load_file(folder + "/model.safetensors").items():
        if "qkv_proj" in name:
            size = weight.shape[0] // (heads + 2 * shared)
            for part, rows in zip("qkv", weight.split([heads * size, shared * size, shared * size])):
                parts[name.replace("qkv_proj", part + "_proj")] = rows
        elif "gate_up_proj" in name:
            for part, rows in zip(("gate", "up"), weight.chunk(2)):
                parts[name.replace("gate_up_proj", part + "_proj")] = rows
        else:
            parts[name] = weight
    model.load_state_dict({name: weight.float().contiguous() for name, weight in parts.items()})
    return model.float()


@torch.no_grad()
def main(models, out):
    torch.set_num_threads(2)
    for seed, (case, (name, settings)) in enumerate(CASES.items()):
        folder = f"{models}/{name}"
        config = json.load(open(folder + "/config.json"))
        model = llama(folder, config) if case == "split" else AutoModelForCausalLM.from_pretrained(folder, **OPTIONS)
        ids = torch.tensor([tokens(config)])
        before = model(ids).logits[0, -1]
        adapted = get_peft_model(model, LoraConfig(**settings)).eval()
        generator = torch.Generator().manual_seed(seed)
        for key, value in adapted.named_parameters():
            noise = torch.randn(value.shape, generator=generator)
            if "magnitude" in key:
                value.mul_(1 + 0.2 * noise)
            elif "lora_" in key:
                value.copy_(noise * 0.2)
            elif value.requires_grad:
                value.add_(noise * 0.1)
        after = adapted(ids, use_cache=False).logits[0, -1]
        print(case, name, f"{(after - before).norm() / before.norm():.3f}")
        os.makedirs(f"{out}/{case}", exist_ok=True)
        adapted.save_pretrained(f"{out}/{case}", save_embedding_layers=False)
        os.remove(f"{out}/{case}/README.md")
        settings_file = f"{out}/{case}/adapter_config.json"
        written = json.load(open(settings_file))
        written["base_model_name_or_path"] = name
        json.dump(written, open(settings_file, "w"), indent=2)
        save_file({"tokens": ids[0].int(), "logits": after.contiguous()}, f"{out}/{case}/golden.safetensors")


if __name__ == "__main__":
    main(*sys.argv[1:])

"""The parameters of Phi-3-small under their names, which is all that the model builder of ONNX Runtime GenAI looks at."""

from torch import nn
from transformers import PreTrainedModel

from .configuration_phi3_small import Phi3SmallConfig


def norm(config):
    return nn.LayerNorm(config.hidden_size, eps=config.layer_norm_epsilon)


class Phi3SmallSelfAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        heads = config.num_attention_heads + 2 * config.num_key_value_heads
        head_size = config.hidden_size // config.num_attention_heads
        self.query_key_value = nn.Linear(config.hidden_size, heads * head_size)
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.o_proj = self.dense  # as the builder calls it


class Phi3SmallMLP(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.up_proj = nn.Linear(config.hidden_size, 2 * config.ff_intermediate_size)
        self.down_proj = nn.Linear(config.ff_intermediate_size, config.hidden_size)


class Phi3SmallDecoderLayer(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.self_attn = Phi3SmallSelfAttention(config)
        self.mlp = Phi3SmallMLP(config)
        self.input_layernorm = norm(config)
        self.post_attention_layernorm = norm(config)


class Phi3SmallModel(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = nn.ModuleList([Phi3SmallDecoderLayer(config) for _ in range(config.num_hidden_layers)])
        self.final_layernorm = norm(config)


class Phi3SmallForCausalLM(PreTrainedModel):
    config_class = Phi3SmallConfig
    _tied_weights_keys = {"lm_head.weight": "model.embed_tokens.weight"}

    def __init__(self, config):
        super().__init__(config)
        self.model = Phi3SmallModel(config)
        self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()

    def _init_weights(self, module):
        pass

    def get_input_embeddings(self):
        return self.model.embed_tokens

    def set_input_embeddings(self, value):
        self.model.embed_tokens = value

    def get_output_embeddings(self):
        return self.lm_head

    def set_output_embeddings(self, value):
        self.lm_head = value

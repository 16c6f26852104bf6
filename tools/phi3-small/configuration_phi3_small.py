"""What ONNX Runtime GenAI's model builder asks the configuration of Phi-3-small for; see make-onnx-golden.py."""

from transformers import PretrainedConfig


class Phi3SmallConfig(PretrainedConfig):
    model_type = "phi3small"

    def __init__(self, **values):
        values.setdefault("rope_parameters", {"rope_type": "default", "rope_theta": values.get("rope_embedding_base", 1e6)})
        values.setdefault("original_max_position_embeddings", values.get("max_position_embeddings"))
        values.setdefault("head_dim", None)
        super().__init__(**values)
        self.intermediate_size = self.ff_intermediate_size
        self.rms_norm_eps = self.layer_norm_epsilon
        self.tie_word_embeddings = True

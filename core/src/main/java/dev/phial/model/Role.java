package dev.phial.model;

/** What a parameter does, whatever a format calls it. */
public enum Role {
  TOKEN_EMBEDDING,
  OUTPUT_NORM,
  OUTPUT,
  ATTENTION_NORM,
  ATTENTION_QKV,
  ATTENTION_Q,
  ATTENTION_K,
  ATTENTION_V,
  ATTENTION_OUTPUT,
  FFN_NORM,
  FFN_UP,
  /** Gate and up projection in one matrix, the gate first. */
  FFN_GATE_UP,
  FFN_DOWN,
  ROUTER,
  EXPERT_GATE,
  EXPERT_UP,
  EXPERT_DOWN,
  ROPE_FACTORS_LONG,
  ROPE_FACTORS_SHORT,
  VISION,
  /** From what an encoder of images gives to embeddings, where it stands apart. */
  PROJECTOR,
  AUDIO,
  /** Low-rank additions of a multimodal checkpoint to its text model. */
  ADAPTER;

  /** Whether the parameter is a part of the text model. */
  public boolean isOfText() {
    return this != VISION && this != PROJECTOR && this != AUDIO && this != ADAPTER;
  }

  /** Whether the parameter is a stack of one matrix per expert. */
  public boolean isExpert() {
    return this == EXPERT_GATE || this == EXPERT_UP || this == EXPERT_DOWN;
  }
}

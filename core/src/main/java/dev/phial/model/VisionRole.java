package dev.phial.model;

/** What a parameter of an encoder of images does, whatever a checkpoint calls it. */
public enum VisionRole {
  PATCHES,
  POSITIONS,
  /** A row before those of the patches, which sees all of them. */
  CLASS,
  FIRST_NORM,
  ATTENTION_NORM,
  ATTENTION_Q,
  ATTENTION_K,
  ATTENTION_V,
  ATTENTION_OUTPUT,
  FFN_NORM,
  FFN_UP,
  FFN_DOWN,
  /** What stands between the parts of an image and the whole of it. */
  SEPARATOR,
  /** What stands at the end of each row of an image. */
  ROW_END,
  PROJECTOR_UP,
  PROJECTOR_DOWN
}

package dev.phial.targets.layout;

/** What a slot holds that follows from no parameter. */
public interface Content {
  void write(Slot slot, Out out);

  /** Bytes that are known. */
  static Content of(byte[] bytes) {
    return (slot, out) -> out.write(slot, bytes, 0);
  }
}

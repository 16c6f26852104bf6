package dev.phial.targets.gguf;

import dev.phial.plan.PlannedTensor;
import dev.phial.quant.GgmlFormat;
import dev.phial.source.Gguf;
import dev.phial.source.GgufValue;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One GGUF file (version 3) before it is written: its header is known, and where each tensor will
 * lie.
 *
 * @param metadata in the order of the file
 */
record GgufLayout(Map<String, GgufValue> metadata, List<PlannedTensor> tensors) {
  private static final int ALIGNMENT = Gguf.DEFAULT_ALIGNMENT;

  GgufLayout {
    metadata = Collections.unmodifiableMap(new LinkedHashMap<>(metadata));
    tensors = List.copyOf(tensors);
  }

  /** Bytes of a tensor in the file, padding included. */
  static long padded(PlannedTensor tensor) {
    return Gguf.pad(tensor.bytes(), ALIGNMENT);
  }

  long bytes() {
    return header().length + tensors.stream().mapToLong(GgufLayout::padded).sum();
  }

  /** Magic, counts, metadata, tensor table, and the padding up to the data. */
  byte[] header() {
    return GgufHeader.bytes(
        metadata,
        tensors.stream()
            .map(tensor ->
                new GgufHeader.Entry(
                    tensor.name(),
                    tensor.shape(),
                    ((GgmlFormat) tensor.format()).id(),
                    padded(tensor)))
            .toList());
  }
}

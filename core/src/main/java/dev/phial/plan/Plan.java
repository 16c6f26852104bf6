package dev.phial.plan;

import dev.phial.model.Hyperparameters;
import dev.phial.model.Role;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * What a target would write: known to the byte before anything is.
 *
 * @param tensors in the order of the output
 * @param bytes of all files together
 * @param settings in words, for what the precision does not say; may be empty
 */
public record Plan(
    String target,
    String precision,
    Hyperparameters hyperparameters,
    List<PlannedTensor> tensors,
    long bytes,
    String settings) {
  public Plan {
    tensors = List.copyOf(tensors);
  }

  public Plan(
      String target,
      String precision,
      Hyperparameters hyperparameters,
      List<PlannedTensor> tensors,
      long bytes) {
    this(target, precision, hyperparameters, tensors, bytes, "");
  }

  public long parameters() {
    return tensors.stream().mapToLong(tensor -> tensor.shape().elements()).sum();
  }

  public long tensorBytes() {
    return tensors.stream().mapToLong(PlannedTensor::storedBytes).sum();
  }

  public double bitsPerWeight() {
    return 8.0 * tensorBytes() / parameters();
  }

  /**
   * Bytes a runtime holds: the weights and a half-precision key-value cache for {@code context}
   * tokens.
   */
  public long memoryBytes(int context) {
    return tensorBytes() + hyperparameters.cacheBytes(context);
  }

  /**
   * Bytes of weights that are read for one token: of the embedding a row, unless it is the output
   * matrix as well; of the experts those that are used; nothing of encoders.
   */
  public long bytesPerToken() {
    boolean hasOutput = tensors.stream().anyMatch(tensor -> tensor.role() == Role.OUTPUT);
    long bytes = 0;
    for (PlannedTensor tensor : tensors) {
      if (tensor.role() == Role.TOKEN_EMBEDDING && hasOutput) {
        bytes += tensor.rowBytes();
      } else if (tensor.role().isExpert()) {
        bytes +=
            tensor.storedBytes()
                / hyperparameters.experts().count()
                * hyperparameters.experts().used();
      } else if (tensor.role().isOfText()) {
        bytes += tensor.storedBytes();
      }
    }
    return bytes;
  }

  /** How many tensors there are of each format. */
  public Map<String, Long> formats() {
    Map<String, Long> counts = new TreeMap<>();
    tensors.forEach(tensor -> counts.merge(tensor.format().name(), 1L, Long::sum));
    return counts;
  }
}

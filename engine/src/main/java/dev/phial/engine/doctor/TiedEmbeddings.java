package dev.phial.engine.doctor;

import dev.phial.source.Gguf;
import dev.phial.source.HuggingFace;
import dev.phial.tensor.Tensor;
import java.util.Arrays;

/** Whether embedding and output matrix are one, as the configuration says. */
final class TiedEmbeddings implements Check {
  private static final int ROWS = 64;

  @Override
  public String name() {
    return "tied embeddings";
  }

  @Override
  public void examine(Patient patient, Findings findings) {
    switch (patient.checkpoint()) {
      case HuggingFace folder -> {
        Tensor embedding = folder.tensors().get("model.embed_tokens.weight");
        Tensor output = folder.tensors().get("lm_head.weight");
        boolean tied = folder.config().flag("tie_word_embeddings", false);
        if (embedding == null || output == null) {
          return; // a missing one has been reported
        }
        boolean equal = equal(embedding, output);
        if (tied && !equal) {
          findings.error(
              "config.json ties the output matrix to the embedding, but lm_head.weight differs from it",
              "runtimes that believe config.json leave lm_head.weight out and answer wrongly");
        } else if (equal) {
          findings.warning(
              "lm_head.weight equals the embedding",
              "the file is larger by %d bytes than it need be".formatted(output.bytes()));
        }
      }
      case Gguf gguf -> {
        Tensor embedding = gguf.tensors().get("token_embd.weight");
        Tensor output = gguf.tensors().get("output.weight");
        if (embedding != null && output != null && equal(embedding, output)) {
          findings.warning(
              "output.weight equals token_embd.weight",
              "the file is larger by %d bytes than it need be".formatted(output.bytes()));
        }
      }
    }
  }

  private static boolean equal(Tensor a, Tensor b) {
    if (!a.shape().equals(b.shape()) || !a.encoding().name().equals(b.encoding().name())) {
      return false;
    }
    int columns = Math.toIntExact(a.shape().columns());
    float[] x = new float[ROWS * columns];
    float[] y = new float[ROWS * columns];
    for (long row = 0; row < a.shape().rows(); row += ROWS) {
      int rows = (int) Math.min(ROWS, a.shape().rows() - row);
      a.read(row, rows, x, 0);
      b.read(row, rows, y, 0);
      if (!Arrays.equals(x, 0, rows * columns, y, 0, rows * columns)) {
        return false;
      }
    }
    return true;
  }
}

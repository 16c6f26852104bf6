package dev.phial.engine.doctor;

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
    boolean isGguf = patient.checkpoint().gguf().isPresent();
    String input = isGguf ? "token_embd.weight" : "model.embed_tokens.weight";
    String output = isGguf ? "output.weight" : "lm_head.weight";
    Tensor embedding = patient.checkpoint().tensors().get(input);
    Tensor own = patient.checkpoint().tensors().get(output);
    if (embedding == null || own == null) {
      return; // a missing one has been reported
    }
    boolean tied =
        patient
            .checkpoint()
            .folder()
            .filter(folder -> folder.config().flag("tie_word_embeddings", false))
            .isPresent();
    boolean equal = equal(embedding, own);
    if (tied && !equal) {
      findings.error(
          "config.json ties the output matrix to the embedding, but lm_head.weight differs from it",
          "runtimes that believe config.json leave lm_head.weight out and answer wrongly");
    } else if (equal) {
      findings.warning(
          isGguf ? "output.weight equals token_embd.weight" : "lm_head.weight equals the embedding",
          "the file is larger by %d bytes than it need be".formatted(own.bytes()));
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

package dev.phial.engine.doctor;

import dev.phial.tensor.Tensor;

/** Whether embedding and output matrix are one, as the configuration says. */
final class TiedEmbeddings implements Check {
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
            .filter(_ -> patient.checkpoint().kind().equals("huggingface"))
            .flatMap(folder -> folder.json("config.json")) // as it is, not as it is read
            .filter(config -> config.flag("tie_word_embeddings", false))
            .isPresent();
    boolean equal = embedding.hasNumbersOf(own);
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
}

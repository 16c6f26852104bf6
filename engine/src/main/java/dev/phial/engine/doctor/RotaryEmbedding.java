package dev.phial.engine.doctor;

import dev.phial.model.Hyperparameters;
import dev.phial.model.LongRope;
import java.util.List;

/** Rotated dimensions, factors and attention factor, as far as they can be judged by themselves. */
final class RotaryEmbedding implements Check {
  @Override
  public String name() {
    return "rotary embedding";
  }

  @Override
  public void examine(Patient patient, Findings findings) {
    patient
        .model()
        .ifPresent(model -> {
          Hyperparameters h = model.hyperparameters();
          if (h.rope().dimensions() > h.attention().headSize()) {
            findings.error(
                "%d dimensions of a head are rotated, which has %d"
                    .formatted(h.rope().dimensions(), h.attention().headSize()),
                "runtimes refuse the model or read past a head");
          }
          if (h.rope().longRope().isEmpty() && h.context() > h.rope().originalContext()) {
            findings.error(
                "the context of %d tokens is stretched from %d, but there are no rope factors"
                    .formatted(h.context(), h.rope().originalContext()),
                "texts of more than %d tokens come out as nonsense"
                    .formatted(h.rope().originalContext()));
          }
          h.rope().longRope().ifPresent(rope -> examine(patient, h, rope, findings));
        });
  }

  private static void examine(
      Patient patient, Hyperparameters h, LongRope rope, Findings findings) {
    check("short", rope.shortFactors(), findings);
    check("long", rope.longFactors(), findings);
    if (rope.shortFactors().equals(rope.longFactors())
        && h.context() > h.rope().originalContext()) {
      findings.warning(
          "short and long rope factors are the same",
          "texts of more than %d tokens are read as badly as without LongRoPE, or shorter ones are"
              .formatted(h.rope().originalContext()));
    }
    if (patient.checkpoint().gguf().isPresent()
        && rope.longScale().isEmpty()
        && h.attentionFactor() != 1) {
      findings.error(
          "there are rope factors, but no rope.scaling.attn_factor",
          "llama.cpp multiplies attention by 1 where the model was trained with %.4f"
              .formatted(h.attentionFactor()));
    }
  }

  private static void check(String which, List<Double> factors, Findings findings) {
    long bad = factors.stream().filter(factor -> !(factor > 0 && factor < 1e6)).count();
    if (bad > 0) {
      findings.error(
          "%d of the %d %s rope factors are no positive numbers"
              .formatted(bad, factors.size(), which),
          "every token is put at a wrong place, and answers are nonsense");
    }
  }
}

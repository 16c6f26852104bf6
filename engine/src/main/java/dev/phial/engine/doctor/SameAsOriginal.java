package dev.phial.engine.doctor;

import dev.phial.engine.chat.ChatTemplate;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.model.Hyperparameters;
import dev.phial.model.LongRope;
import dev.phial.model.ModelDescription;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Function;

/**
 * What an export must share with the checkpoint it was made from: numbers, tokens, conversations.
 */
final class SameAsOriginal implements Check {
  private static final double ROUNDING = 1e-5; // GGUF holds single precision

  /** Texts in which tokenizers have been seen to differ. */
  private static final List<String> SAMPLES =
      List.of(
          "Hello, world!",
          " leading, trailing ",
          "two  blanks,\ttab\r\nand\n\n\nlines",
          "don't won't I'LL 12345 3.14159 1,000,000",
          "for (int i = 0; i < n; i++) { x[i] += 0x7F; }",
          "naïve café Ångström ﬁ ½ ﬀ",
          "Zażółć gęślą jaźń. Привет! مرحبا שלום नमस्ते",
          "你好，世界。こんにちは 안녕하세요",
          "👩‍👩‍👧‍👦 🏳️‍🌈 e\u0301 \u200b",
          "<|user|> <s> </s> <|endoftext|> as text");

  /** One trait of a model, as a text to compare and show. */
  private record Trait(String name, Function<Hyperparameters, Object> value, String consequence) {}

  private static final String WRONG = "answers are wrong from the first token";
  private static final String WRONG_WHEN_LONG = "answers get worse with the length of the text";

  private static final List<Trait> TRAITS =
      List.of(
          new Trait("layers", Hyperparameters::layers, WRONG),
          new Trait("heads", h -> h.attention().heads(), WRONG),
          new Trait("key-value heads", h -> h.attention().keyValueHeads(), WRONG),
          new Trait("vocabulary", Hyperparameters::vocabulary, WRONG),
          new Trait("norm epsilon", h -> (float) h.normEpsilon(), "all answers are slightly off"),
          new Trait("rope theta", h -> (float) h.rope().theta(), WRONG_WHEN_LONG),
          new Trait("rotated dimensions of a head", h -> h.rope().dimensions(), WRONG),
          new Trait(
              "context",
              Hyperparameters::context,
              "runtimes cut texts that the model could read, or let through those it cannot"),
          new Trait("original context", h -> h.rope().originalContext(), WRONG_WHEN_LONG),
          new Trait("sliding window", h -> h.attention().slidingWindow(), WRONG_WHEN_LONG),
          new Trait("experts used", h -> h.experts().used(), WRONG));

  @Override
  public String name() {
    return "original";
  }

  @Override
  public void examine(Patient patient, Findings findings) {
    patient
        .original()
        .ifPresent(original -> {
          both(patient, original, Patient::model, (a, b) -> numbers(a, b, findings));
          both(patient, original, Patient::tokenizer, (a, b) -> tokens(a, b, findings));
          conversations(patient, original, findings);
        });
  }

  private interface Pair<T> {
    void accept(T ours, T original);
  }

  private static <T> void both(
      Patient patient, Patient original, Function<Patient, Optional<T>> part, Pair<T> compare) {
    part.apply(patient)
        .ifPresent(ours -> part.apply(original).ifPresent(theirs -> compare.accept(ours, theirs)));
  }

  private static void numbers(ModelDescription ours, ModelDescription theirs, Findings findings) {
    if (!ours.family().text().name().equals(theirs.family().text().name())) {
      findings.error(
          "the family is %s, of the original %s"
              .formatted(ours.family().name(), theirs.family().name()),
          "it is another model");
      return;
    }
    for (Trait trait : TRAITS) {
      Object found = trait.value.apply(ours.hyperparameters());
      Object expected = trait.value.apply(theirs.hyperparameters());
      if (!Objects.equals(found, expected)) {
        findings.error(
            "%s: %s, of the original %s".formatted(trait.name, words(found), words(expected)),
            trait.consequence);
      }
    }
    if (ours.hyperparameters().tied() && !theirs.hyperparameters().tied()) {
      findings.error("the output matrix is the embedding, in the original one of its own", WRONG);
    }
    factors(ours.hyperparameters(), theirs.hyperparameters(), findings);
  }

  private static Object words(Object value) {
    return value instanceof Optional<?> optional
        ? optional.map(Object::toString).orElse("none")
        : value;
  }

  private static void factors(Hyperparameters ours, Hyperparameters theirs, Findings findings) {
    Optional<LongRope> found = ours.rope().longRope();
    Optional<LongRope> expected = theirs.rope().longRope();
    if (found.isPresent() != expected.isPresent()) {
      findings.error(
          "rope factors: %s, of the original %s"
              .formatted(
                  found.isPresent() ? "LongRoPE" : "none",
                  expected.isPresent() ? "LongRoPE" : "none"),
          WRONG_WHEN_LONG);
    } else if (found.isPresent() && expected.isPresent()) {
      LongRope a = found.get();
      LongRope b = expected.get();
      if (!near(a.shortFactors(), b.shortFactors()) || !near(a.longFactors(), b.longFactors())) {
        findings.error("the rope factors are others than the original's", WRONG_WHEN_LONG);
      }
      double scale = a.longScale().orElse(ours.attentionFactor());
      double original = b.longScale().orElse(theirs.attentionFactor());
      if (Math.abs(scale - original) > ROUNDING * original) {
        findings.warning(
            "rotated queries and keys are scaled by %.4f, in the original by %.4f"
                .formatted(scale, original),
            "attention is flatter or sharper than in training: answers get worse");
      }
    }
  }

  private static boolean near(List<Double> a, List<Double> b) {
    for (int i = 0; i < a.size() && a.size() == b.size(); i++) {
      if (Math.abs(a.get(i) - b.get(i)) > ROUNDING * Math.abs(b.get(i))) {
        return false;
      }
    }
    return a.size() == b.size();
  }

  private static void tokens(Tokenizer ours, Tokenizer theirs, Findings findings) {
    for (String sample : SAMPLES) {
      int[] found = ours.encode(sample, false).ids();
      int[] expected = theirs.encode(sample, false).ids();
      if (!Arrays.equals(found, expected)) {
        findings.error(
            "\"%s\" becomes the tokens %s, in the original %s"
                .formatted(sample, Arrays.toString(found), Arrays.toString(expected)),
            "the model reads what it was not trained to read");
        return; // one is enough
      }
    }
    if (ours.special().addsBegin() != theirs.special().addsBegin()
        || !ours.special().begin().equals(theirs.special().begin())) {
      findings.error(
          "a text begins with %s, in the original with %s".formatted(begin(ours), begin(theirs)),
          "the first tokens of a text are out of place");
    }
  }

  private static String begin(Tokenizer tokenizer) {
    OptionalInt begin = tokenizer.special().addedBegin();
    return begin.isPresent() ? "token " + begin.getAsInt() : "no token of its own";
  }

  private static void conversations(Patient patient, Patient original, Findings findings) {
    List<Map<String, String>> messages =
        List.of(
            ChatTemplate.message("user", "Hello"),
            ChatTemplate.message("assistant", "Hi"),
            ChatTemplate.message("user", "Why?"));
    Optional<String> found = patient.render(messages, true);
    Optional<String> expected = original.render(messages, true);
    if (found.isPresent() && expected.isPresent() && !found.equals(expected)) {
      findings.error(
          "a conversation is laid out as %s, in the original as %s"
              .formatted(found.get(), expected.get()),
          "the model reads conversations it was not trained on");
    }
  }
}

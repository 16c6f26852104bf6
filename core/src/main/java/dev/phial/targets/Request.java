package dev.phial.targets;

import dev.phial.PhialException;
import dev.phial.choose.Choosing;
import dev.phial.choose.Importance;
import dev.phial.choose.Kept;
import dev.phial.choose.Method;
import dev.phial.model.ModelDescription;
import dev.phial.model.Vision;
import dev.phial.model.Weight;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.source.Checkpoint;
import dev.phial.tensor.Coding;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/**
 * What a target is asked for.
 *
 * @param precision what stood after the colon of {@code --to}
 * @param method how codes are chosen
 * @param text that the model reads, if the method wants it to
 * @param ranges what flows through the model, once somebody has looked
 */
public record Request(
    Checkpoint checkpoint,
    ModelDescription model,
    Optional<String> precision,
    Options options,
    Method method,
    CalibrationText text,
    Optional<ActivationRanges> ranges) {

  /** Leaves encoders out where a target would take them along. */
  public static final TargetOption TEXT_ONLY =
      TargetOption.flag(
          "text-only", "Leave the encoder of images out; write the text model alone.");

  /** The text model is what every target takes of what sees and hears. */
  public Request {
    if (model.family() != model.family().text()) {
      checkpoint = checkpoint.text();
      model = model.text();
    }
  }

  /** With codes as the runtime's own converter chooses them. */
  public Request(
      Checkpoint checkpoint, ModelDescription model, Optional<String> precision, Options options) {
    this(
        checkpoint,
        model,
        precision,
        options,
        Method.REFERENCE,
        CalibrationText.USUAL,
        Optional.empty());
  }

  /**
   * The encoder of images that came with the model, unless it is to be left out.
   *
   * @throws PhialException.BadInput if it is damaged
   */
  public Optional<Vision> vision() {
    return options.has(TEXT_ONLY.name()) ? Optional.empty() : Vision.of(checkpoint);
  }

  /** Whether codes are to come along as they are, or not at all. */
  public boolean keeps() {
    return method == Method.KEEP;
  }

  /** How codes are chosen for it, where nobody has looked at the inputs of its matrices. */
  public Choosing choosing(String remedy) {
    return new Choosing(method, Importance.NONE, remedy);
  }

  /** The same in another precision. */
  public Request with(String newPrecision) {
    return new Request(checkpoint, model, Optional.of(newPrecision), options, method, text, ranges);
  }

  /** The same with other options. */
  public Request with(Options newOptions) {
    return new Request(checkpoint, model, precision, newOptions, method, text, ranges);
  }

  public Request with(ActivationRanges found) {
    return new Request(checkpoint, model, precision, options, method, text, Optional.of(found));
  }

  /**
   * This request with the precision that the codes have, where they are carried.
   *
   * @param name what the target calls codes like those of most weights
   * @throws PhialException.Usage if another precision was asked for
   * @throws PhialException.Unsupported if the model has no codes
   */
  public Request settled(Function<Coding, String> name) {
    if (!keeps()) {
      return this;
    }
    String found = name.apply(usualCodingSeen());
    precision
        .filter(asked -> !asked.equalsIgnoreCase(found))
        .ifPresent(asked -> {
          throw new PhialException.Usage(
              "--carry: expected the precision %s, which the codes of %s have, found %s; omit it"
                  .formatted(found, checkpoint.path(), asked));
        });
    return new Request(checkpoint, model, Optional.of(found), options, method, text, ranges);
  }

  /** How most of the weights are made of integers, and whether these lie around zero in fact. */
  public Coding usualCodingSeen() {
    Optional<Coding> usual = Optional.of(usualCoding());
    return model.weights().stream()
        .filter(weight -> weight.coding().equals(usual))
        .findFirst()
        .map(weight -> Kept.seen(weight, usual.get()))
        .orElseThrow();
  }

  /** How most of the weights are made of integers. */
  public Coding usualCoding() {
    Map<Coding, Long> elements = new HashMap<>();
    for (Weight weight : model.weights()) {
      weight
          .coding()
          .ifPresent(coding -> elements.merge(coding, weight.shape().elements(), Long::sum));
    }
    return elements.entrySet().stream()
        .max(
            Map.Entry.<Coding, Long>comparingByValue()
                .thenComparing(entry -> entry.getKey().toString(), Comparator.naturalOrder()))
        .map(Map.Entry::getKey)
        .orElseThrow(() ->
            new PhialException.Unsupported(
                "%s: expected tensors of integers with scales, whose codes --carry would keep, found none; omit --carry"
                    .formatted(checkpoint.path())));
  }

  /**
   * @throws PhialException.Usage if an option is given that the codes decide
   */
  public void refuse(Iterable<String> decided) {
    for (String name : decided) {
      if (keeps() && options.has(name)) {
        throw new PhialException.Usage(
            "--%s: with --carry the codes decide that; omit one of them".formatted(name));
      }
    }
  }
}

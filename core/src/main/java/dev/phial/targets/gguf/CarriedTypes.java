package dev.phial.targets.gguf;

import dev.phial.PhialException;
import dev.phial.choose.Kept;
import dev.phial.model.Weight;
import dev.phial.plan.Mixture;
import dev.phial.plan.PlannedTensor;
import dev.phial.plan.Recipe;
import dev.phial.quant.FloatType;
import dev.phial.quant.Formats;
import dev.phial.quant.GgmlFormat;
import dev.phial.quant.Recoding;
import dev.phial.targets.Request;
import dev.phial.tensor.Coding;
import dev.phial.tensor.IntegerBlocks;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/** The types of tensors whose codes come along as they are. */
final class CarriedTypes {
  /** The types that hold integers, the smallest first. */
  private static final List<GgmlFormat> INTEGERS =
      Formats.ALL.stream()
          .filter(format -> format instanceof IntegerBlocks)
          .sorted(Comparator.comparingInt(GgmlFormat::blockBytes))
          .toList();

  /** What the codes decide. */
  private static final List<String> DECIDED =
      List.of(
          "outtype",
          "pure",
          "leave-output-tensor",
          "output-tensor-type",
          "token-embedding-type",
          "tensor-type",
          "tensor-type-file",
          "imatrix",
          "include-weights",
          "exclude-weights");

  private final GgmlFormat wanted;

  /**
   * @throws PhialException.Usage if the type that was asked for holds no integers
   */
  CarriedTypes(Recipe recipe) {
    if (!INTEGERS.contains(recipe.base())) {
      throw new PhialException.Usage(
          "--carry: expected one of %s, which hold integers, found gguf:%s; omit the type"
              .formatted(INTEGERS, recipe));
    }
    wanted = recipe.base();
  }

  /**
   * With the type that most codes need, unless one was asked for.
   *
   * @throws PhialException.Usage if that cannot hold them
   * @throws PhialException.Unsupported if the model has no codes
   */
  static Request settled(Request request) {
    request.refuse(DECIDED);
    if (request.keeps() && request.precision().isPresent()) {
      checkHolds(request, request.precision().get());
      return request;
    }
    return request.precision().isPresent()
        ? request
        : request.settled(from ->
            INTEGERS.stream()
                .filter(format -> Recoding.obstacle(from, coding(format)).isEmpty())
                .findFirst()
                .orElse(INTEGERS.getLast())
                .name());
  }

  private static void checkHolds(Request request, String type) {
    Coding usual = request.usualCodingSeen();
    INTEGERS.stream()
        .filter(format -> format.name().equalsIgnoreCase(type))
        .findFirst()
        .flatMap(format -> Recoding.obstacle(usual, coding(format)))
        .ifPresent(obstacle -> {
          throw new PhialException.Usage(
              "--carry: gguf:%s cannot hold the codes of %s: %s; omit the type"
                  .formatted(type, request.checkpoint().path(), obstacle));
        });
  }

  /**
   * What becomes of a parameter.
   *
   * @param name in the file
   * @param current the type that conversion gives it
   */
  PlannedTensor plan(String name, Weight weight, GgmlFormat current) {
    Optional<Recoding> recoding = Kept.of(name, List.of(weight), from -> codings(), FloatType.F16);
    GgmlFormat format =
        recoding
            .map(found ->
                Stream.concat(Stream.of(wanted), INTEGERS.stream())
                    .filter(candidate -> coding(candidate).equals(found.to()))
                    .findFirst()
                    .orElseThrow())
            .orElseGet(() -> ofNumbers(weight, current));
    return PlannedTensor.of(name, weight, format).with(recoding);
  }

  private static GgmlFormat ofNumbers(Weight weight, GgmlFormat current) {
    if (!Mixture.isQuantizable(weight)) {
      return current;
    }
    return weight.isPlain()
        ? Formats.named(weight.encoding().name()).orElse(Formats.F32)
        : Formats.F32;
  }

  private List<Coding> codings() {
    return Stream.concat(Stream.of(wanted), INTEGERS.stream())
        .map(CarriedTypes::coding)
        .distinct()
        .toList();
  }

  private static Coding coding(GgmlFormat format) {
    return ((IntegerBlocks) format).coding();
  }
}

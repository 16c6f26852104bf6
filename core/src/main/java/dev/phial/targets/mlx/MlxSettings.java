package dev.phial.targets.mlx;

import dev.phial.PhialException;
import dev.phial.choose.Kept;
import dev.phial.model.Weight;
import dev.phial.quant.FloatType;
import dev.phial.quant.MlxFormat;
import dev.phial.quant.MlxFormats;
import dev.phial.targets.MatrixBits;
import dev.phial.targets.Mixing;
import dev.phial.targets.Options;
import dev.phial.targets.Request;
import dev.phial.targets.TargetOption;
import dev.phial.tensor.Coding;
import dev.phial.tensor.IntegerBlocks;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What mlx_lm.convert is asked for. What stands after {@code mlx:} is short for one of its options:
 * {@code 4} for {@code --q-bits 4}, {@code mxfp4} for {@code --q-mode}, {@code mixed_3_6} for
 * {@code --quant-predicate}, {@code bfloat16} for {@code --dtype}.
 *
 * @param mode of quantization, if there is to be one: {@code affine} or a floating-point format
 * @param groupSize if it was named
 * @param single bits of single matrices
 * @param dtype of what is not quantized, if it was named
 */
record MlxSettings(
    Optional<String> mode,
    Optional<Integer> bits,
    Optional<Integer> groupSize,
    Optional<MlxMixture> mixture,
    MatrixBits single,
    Optional<FloatType> dtype) {

  private static final String BITS = "q-bits";
  private static final String GROUP_SIZE = "q-group-size";
  private static final String MODE = "q-mode";
  private static final String MIXTURE = "quant-predicate";
  private static final String DTYPE = "dtype";

  private static final String AFFINE = "affine";
  private static final int USUAL_BITS = 4;
  private static final int USUAL_GROUP_SIZE = 64;

  private static final List<String> BITS_NAMES =
      MlxFormats.BITS.stream().map(String::valueOf).toList();
  private static final List<String> FLOAT_NAMES = List.of("mxfp4", "mxfp8", "nvfp4");
  private static final List<String> DTYPE_NAMES =
      Arrays.stream(FloatType.values()).map(FloatType::word).toList();

  static final Mixing MIXING = new MatrixBits.Mixed(BITS_NAMES);

  static final List<String> PRECISIONS =
      Stream.of(BITS_NAMES, FLOAT_NAMES, MlxMixture.NAMES, DTYPE_NAMES)
          .flatMap(List::stream)
          .toList();

  static final List<TargetOption> OPTIONS =
      List.of(
          TargetOption.value(
              GROUP_SIZE, "32|64|128", "weights that share a scale; 64 where there is a choice"),
          TargetOption.value(
              DTYPE,
              String.join("|", DTYPE_NAMES),
              "type of what is not quantized; torch_dtype of config.json by default"),
          TargetOption.value(BITS, String.join("|", BITS_NAMES), "--to mlx:4 in long"),
          TargetOption.value(
              MODE, "affine|" + String.join("|", FLOAT_NAMES), "--to mlx:mxfp4 in long"),
          TargetOption.value(
              MIXTURE, String.join("|", MlxMixture.NAMES), "--to mlx:mixed_4_6 in long"),
          MatrixBits.option(String.join("|", BITS_NAMES)),
          Request.TEXT_ONLY);

  /**
   * @throws PhialException.Usage if they contradict each other, or MLX knows no such thing
   */
  static MlxSettings of(Optional<String> precision, Options options) {
    Optional<Map.Entry<String, String>> inShort = precision.map(MlxSettings::option);
    inShort
        .filter(option -> options.has(option.getKey()))
        .ifPresent(option -> {
          throw new PhialException.Usage(
              "--%s: mlx:%s says it already; leave out one of them"
                  .formatted(option.getKey(), option.getValue()));
        });
    Options all =
        inShort.map(option -> options.with(option.getKey(), option.getValue())).orElse(options);
    boolean quantizes = Stream.of(BITS, GROUP_SIZE, MODE, MIXTURE).anyMatch(all::has);
    Optional<String> mode =
        all.value(MODE)
            .map(name -> known(MODE, Stream.concat(Stream.of(AFFINE), FLOAT_NAMES.stream()), name))
            .or(() -> quantizes ? Optional.of(AFFINE) : Optional.empty());
    Optional<MlxFormat> only = mode.flatMap(name -> MlxFormats.of(name, FloatType.F32));
    Stream<String> bits = only.map(f -> Stream.of("" + f.bits())).orElse(BITS_NAMES.stream());
    Stream<String> groupSizes =
        only.map(f -> Stream.of(f.blockSize()))
            .orElse(MlxFormats.GROUP_SIZES.stream())
            .map(String::valueOf);
    MlxSettings settings =
        new MlxSettings(
            mode,
            all.value(BITS).map(text -> Integer.valueOf(known(BITS, bits, text))),
            all.value(GROUP_SIZE).map(text -> Integer.valueOf(known(GROUP_SIZE, groupSizes, text))),
            all.value(MIXTURE)
                .map(name -> known(MIXTURE, MlxMixture.NAMES.stream(), name))
                .flatMap(MlxMixture::named),
            MatrixBits.of(all, MlxFormats.BITS),
            all.value(DTYPE)
                .map(name -> known(DTYPE, DTYPE_NAMES.stream(), name))
                .flatMap(FloatType::named));
    if (settings.mixture.isPresent() && (only.isPresent() || settings.bits.isPresent())) {
      throw new PhialException.Usage(
          "--%s: %s has bits and types of its own; leave out --%s"
              .formatted(MIXTURE, settings.mixture.get(), only.isPresent() ? MODE : BITS));
    }
    if (!settings.single.isEmpty() && !mode.equals(Optional.of(AFFINE))) {
      throw new PhialException.Usage(
          "--%s: expected integers such as mlx:4, found mlx:%s"
              .formatted(MatrixBits.NAME, settings.precision().orElse("")));
    }
    return settings;
  }

  /** With the precision that codes have which are carried. */
  static MlxSettings of(Request asked) {
    asked.refuse(List.of(BITS, GROUP_SIZE, MODE, MIXTURE, MatrixBits.NAME));
    Request request = asked.settled(coding -> String.valueOf(codings(coding).getFirst().bits()));
    return of(request.precision(), request.options());
  }

  /** The type for codes that come as they are: the fewest bits, the largest group. */
  static List<Coding> codings(Coding from) {
    int width =
        MlxFormats.BITS.stream()
            .filter(count -> count >= from.bits())
            .findFirst()
            .orElse(MlxFormats.BITS.getLast());
    int size = Kept.size(from, MlxFormats.GROUP_SIZES.reversed());
    return List.of(((IntegerBlocks) affine(width, size, FloatType.F32)).coding());
  }

  static MlxFormat affine(int width, int size, FloatType number) {
    return MlxFormats.of(AFFINE, width, size, number).orElseThrow();
  }

  /** What a precision is short for. */
  private static Map.Entry<String, String> option(String precision) {
    known("to mlx", PRECISIONS.stream(), precision);
    return Map.entry(
        BITS_NAMES.contains(precision)
            ? BITS
            : FLOAT_NAMES.contains(precision)
                ? MODE
                : MlxMixture.NAMES.contains(precision) ? MIXTURE : DTYPE,
        precision);
  }

  private static String known(String option, Stream<String> expected, String found) {
    List<String> allowed = expected.toList();
    if (!allowed.contains(found)) {
      throw new PhialException.Usage(
          "--%s: expected %s, found %s"
              .formatted(
                  option,
                  allowed.size() == 1 ? allowed.getFirst() : "one of " + String.join(" ", allowed),
                  found));
    }
    return found;
  }

  /**
   * The type of what no mixture says otherwise about; none if nothing is to be quantized.
   *
   * @param number type of what is not quantized
   */
  Optional<MlxFormat> format(FloatType number) {
    return mode.map(name ->
        MlxFormats.of(name, number).orElseGet(() -> affine(bits.orElse(USUAL_BITS), number)));
  }

  /**
   * The type of a matrix; none if nothing is to be quantized.
   *
   * @param layers of the model
   */
  Optional<MlxFormat> format(Weight weight, int layers, FloatType number) {
    OptionalInt own = single.of(weight.mlxName());
    if (own.isPresent()) {
      return Optional.of(affine(own.getAsInt(), number));
    }
    return mixture.isPresent()
        ? Optional.of(affine(mixture.get().bits(weight, layers), number))
        : format(number);
  }

  private MlxFormat affine(int width, FloatType number) {
    return affine(width, groupSize.orElse(USUAL_GROUP_SIZE), number);
  }

  /** What would stand after {@code mlx:}; empty if nothing does. */
  Optional<String> precision() {
    return mixture
        .map(MlxMixture::toString)
        .or(() -> mode.filter(name -> !name.equals(AFFINE)))
        .or(() -> mode.map(name -> String.valueOf(bits.orElse(USUAL_BITS))))
        .or(() -> dtype.map(FloatType::word));
  }

  /** For the name of an output: precision, and what differs from the usual. */
  String label() {
    return Stream.of(
            precision().or(() -> Optional.of("unquantized")),
            groupSize.map(size -> "g" + size),
            dtype.map(FloatType::word).filter(name -> mode.isPresent()),
            single.label())
        .flatMap(Optional::stream)
        .collect(Collectors.joining("-"));
  }
}

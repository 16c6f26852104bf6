package dev.phial.targets.openvino;

import dev.phial.PhialException;
import dev.phial.targets.MatrixBits;
import dev.phial.targets.Mixing;
import dev.phial.targets.Options;
import dev.phial.targets.Request;
import dev.phial.targets.TargetOption;
import java.util.ArrayList;
import java.util.List;

/**
 * What was asked for, under optimum-cli's names.
 *
 * @param groupSize elements that share a scale; -1 for a whole row
 * @param ratio of the weights in four bits, the rest in those of the backup
 * @param symmetric without zero points
 * @param allLayers four bits for the embedding and the output matrix too
 * @param single bits of single matrices
 * @param keeps whether codes come along as they are
 */
record OpenvinoOptions(
    Precision precision,
    int groupSize,
    double ratio,
    boolean symmetric,
    Backup backup,
    boolean allLayers,
    Fallback fallback,
    MatrixBits single,
    boolean keeps) {
  /** What becomes of matrices that do not get four bits. */
  enum Backup {
    INT8_ASYM,
    INT8_SYM,
    NONE,
    /** Goes with openvino:mxfp4, and cannot be asked for. */
    MXFP8_E4M3
  }

  /** What becomes of matrices whose rows do not divide into groups. */
  enum Fallback {
    ERROR,
    IGNORE,
    ADJUST
  }

  private static final int USUAL_GROUP_SIZE = 64;
  private static final int MX_GROUP_SIZE = 32;

  private static final Backup[] CHOOSABLE = {Backup.INT8_ASYM, Backup.INT8_SYM, Backup.NONE};

  private static final String GROUP_SIZE = "group-size";
  private static final String RATIO = "ratio";
  private static final String SYM = "sym";
  private static final String BACKUP = "backup-precision";
  private static final String ALL_LAYERS = "all-layers";
  private static final String FALLBACK = "group-size-fallback";

  static final List<TargetOption> ALL =
      List.of(
          TargetOption.value(
              GROUP_SIZE, "N", "Weights that share a scale, 64 by default; -1 for a whole row."),
          TargetOption.value(
              RATIO,
              "0..1",
              "Share of the weights in four bits, 1 by default; those that bear it least keep the backup precision."),
          TargetOption.flag(SYM, "Integers around zero, without zero points."),
          TargetOption.value(
              BACKUP,
              "int8_asym|int8_sym|none",
              "Of what does not get four bits; int8_asym by default, eight bits of the same kind with mxfp4."),
          TargetOption.flag(
              ALL_LAYERS, "Four bits for the embedding and the output matrix as well."),
          TargetOption.value(
              FALLBACK,
              "error|ignore|adjust",
              "What to do with rows that do not divide into groups: refuse (default), keep them as they are, or take smaller groups."),
          MatrixBits.option("4|8"),
          Request.TEXT_ONLY);

  /** Embedding and output matrix may have four bits too. */
  static final Mixing MIXING =
      new MatrixBits.Mixed(List.of(Precision.INT4.label(), Precision.INT8.label()));

  static OpenvinoOptions of(Request asked) {
    asked.refuse(List.of(GROUP_SIZE, RATIO, SYM, BACKUP, ALL_LAYERS, FALLBACK, MatrixBits.NAME));
    Request request =
        asked.settled(coding -> (coding.bits() <= 4 ? Precision.INT4 : Precision.INT8).label());
    Options options = request.options();
    Precision precision = Precision.named(request.precision().orElse(Precision.INT4.label()));
    for (String name : List.of(GROUP_SIZE, RATIO, BACKUP, ALL_LAYERS, FALLBACK)) {
      if (options.has(name) && !precision.isMixed()) {
        throw new PhialException.Usage(
            "--%s: expected a precision of four bits such as openvino:int4, found openvino:%s"
                .formatted(name, precision.label()));
      }
    }
    if (options.has(SYM) && precision != Precision.INT4 && precision != Precision.INT8) {
      throw new PhialException.Usage(
          "--%s: expected integers, openvino:int4 or openvino:int8, found openvino:%s"
              .formatted(SYM, precision.label()));
    }
    if (options.has(MatrixBits.NAME) && precision != Precision.INT4) {
      throw new PhialException.Usage(
          "--%s: expected openvino:int4, found openvino:%s"
              .formatted(MatrixBits.NAME, precision.label()));
    }
    Fallback fallback = choice(options, FALLBACK, Fallback.values());
    if (precision == Precision.MXFP4 && fallback == Fallback.ADJUST) {
      throw new PhialException.Usage(
          "--%s: expected error or ignore with openvino:mxfp4, whose groups are of 32 always, found adjust"
              .formatted(FALLBACK));
    }
    return new OpenvinoOptions(
        precision,
        groupSize(options, precision),
        ratio(options),
        options.has(SYM),
        options.has(BACKUP) ? choice(options, BACKUP, CHOOSABLE) : usualBackup(precision),
        options.has(ALL_LAYERS),
        fallback,
        MatrixBits.of(options, List.of(4, 8)),
        request.keeps());
  }

  private static Backup usualBackup(Precision precision) {
    return precision == Precision.MXFP4 ? Backup.MXFP8_E4M3 : Backup.INT8_ASYM;
  }

  private static int groupSize(Options options, Precision precision) {
    int usual = precision == Precision.MXFP4 ? MX_GROUP_SIZE : USUAL_GROUP_SIZE;
    String text = options.value(GROUP_SIZE).orElse(Integer.toString(usual));
    if (!text.matches("-1|[1-9]\\d{0,5}")) {
      throw new PhialException.Usage(
          "--%s: expected a number of weights, or -1, found %s".formatted(GROUP_SIZE, text));
    }
    int size = Integer.parseInt(text);
    if (precision == Precision.MXFP4 && size != MX_GROUP_SIZE) {
      throw new PhialException.Usage(
          "--%s: expected 32, the only one of openvino:mxfp4, found %d"
              .formatted(GROUP_SIZE, size));
    }
    if (size != -1 && size % 2 != 0) {
      throw new PhialException.Usage(
          "--%s: expected an even number, found %d".formatted(GROUP_SIZE, size));
    }
    return size;
  }

  private static double ratio(Options options) {
    String text = options.value(RATIO).orElse("1");
    if (!text.matches("0|1|0?\\.\\d{1,9}|1\\.0{1,9}|0\\.0{1,9}")) {
      throw new PhialException.Usage(
          "--%s: expected a number from 0 to 1, found %s".formatted(RATIO, text));
    }
    return Double.parseDouble(text);
  }

  private static <T extends Enum<T>> T choice(Options options, String name, T[] all) {
    List<String> labels = List.of(all).stream().map(OpenvinoOptions::label).toList();
    String text = options.value(name).orElse(labels.getFirst());
    int index = labels.indexOf(text);
    if (index < 0) {
      throw new PhialException.Usage(
          "--%s: expected one of %s, found %s".formatted(name, String.join(" ", labels), text));
    }
    return all[index];
  }

  static String label(Enum<?> choice) {
    return choice.name().toLowerCase(java.util.Locale.ROOT);
  }

  /** For a summary: what was chosen, and what is usual; nothing of plain numbers. */
  String words() {
    if (keeps) {
      return "codes as they came";
    }
    List<String> words = new ArrayList<>();
    if (precision == Precision.INT4 || precision == Precision.INT8) {
      words.add(symmetric ? "symmetric" : "asymmetric");
    }
    if (precision.isMixed()) {
      words.add(groupSize == -1 ? "a scale a row" : "groups of " + groupSize);
      words.add("ratio " + ratio);
      if (ratio < 1) {
        words.add("else " + label(backup));
      }
    }
    if (precision.isMixed() || precision == Precision.INT8) {
      words.add("data-free");
    }
    return String.join(", ", words);
  }

  /** For the name of an output: precision, and what differs from the usual. */
  String label() {
    StringBuilder label = new StringBuilder(precision.label());
    if (symmetric) {
      label.append("-sym");
    }
    if (precision.isMixed() && groupSize != USUAL_GROUP_SIZE && precision != Precision.MXFP4) {
      label.append(groupSize == -1 ? "-channel" : "-g" + groupSize);
    }
    if (ratio != 1) {
      label.append("-r").append(ratio);
    }
    if (backup != usualBackup(precision)) {
      label.append("-").append(label(backup));
    }
    if (allLayers) {
      label.append("-all");
    }
    if (fallback != Fallback.ERROR) {
      label.append("-").append(label(fallback));
    }
    single.label().ifPresent(word -> label.append("-").append(word));
    return label.toString();
  }
}

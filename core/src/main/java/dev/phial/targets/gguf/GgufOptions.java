package dev.phial.targets.gguf;

import dev.phial.PhialException;
import dev.phial.plan.Mixture;
import dev.phial.plan.Recipe;
import dev.phial.quant.Formats;
import dev.phial.quant.GgmlFormat;
import dev.phial.source.GgufValue;
import dev.phial.source.ImportanceMatrix;
import dev.phial.source.TextFile;
import dev.phial.targets.Options;
import dev.phial.targets.TargetOption;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** The options of llama-quantize, of the converter and of gguf-split, parsed. */
record GgufOptions(Options options) {
  private static final int LONGEST_TEXT = 127; // bytes, of llama_model_kv_override

  static final String MANIFEST = "manifest";
  static final String MMPROJ = "mmproj";
  static final String ALLOW_UNLOADABLE = "allow-unloadable";

  static final List<TargetOption> ALL =
      List.of(
          TargetOption.value(
              "outtype",
              "f32|f16|bf16|q8_0|auto",
              "What llama.cpp's converter writes, for --to gguf without a type; auto by default."),
          TargetOption.value(
              MMPROJ,
              "f32|f16|bf16|q8_0",
              "Write the encoder of images of Phi-4-reasoning-vision too, beside the model."),
          TargetOption.value("model-name", "NAME", "The name in the metadata (general.name)."),
          TargetOption.value(
              "metadata",
              "FILE",
              "JSON with general.* keys that win over those found in the checkpoint."),
          TargetOption.value(
              "imatrix", "FILE", "Importance matrix as llama-imatrix writes it, .gguf or .dat."),
          TargetOption.values(
              "include-weights",
              "NAME",
              "Use the importance matrix only for tensors with NAME in their name."),
          TargetOption.values(
              "exclude-weights", "NAME", "Do not use it for tensors with NAME in their name."),
          TargetOption.flag("pure", "The same type for every matrix, no mixture."),
          TargetOption.flag("leave-output-tensor", "Leave output.weight as it is."),
          TargetOption.value("output-tensor-type", "TYPE", "Type of output.weight."),
          TargetOption.value("token-embedding-type", "TYPE", "Type of token_embd.weight."),
          TargetOption.values(
              "tensor-type", "REGEX=TYPE", "Type of the matrices whose name matches."),
          TargetOption.value(
              "tensor-type-file", "FILE", "Many REGEX=TYPE, separated by blanks or lines."),
          TargetOption.value("prune-layers", "N,N…", "Leave out these layers."),
          TargetOption.values(
              "override-kv", "KEY=TYPE:VALUE", "Set metadata; TYPE is int, float, bool or str."),
          TargetOption.flag("allow-requantize", "Allow quantizing what is quantized already."),
          TargetOption.flag(
              ALLOW_UNLOADABLE, "Write what the converter writes though llama.cpp cannot load it."),
          TargetOption.flag("keep-split", "Write as many files as the GGUF model has."),
          TargetOption.value(
              "split-max-size", "N(M|G)", "Start a new file before it has more tensor bytes."),
          TargetOption.value("split-max-tensors", "N", "Start a new file after N tensors."),
          TargetOption.flag("no-tensor-first-split", "Only metadata in the first file of a split."),
          TargetOption.flag(
              MANIFEST,
              "Write OUTPUT.phial.json too: where the file comes from, and its SHA-256."));

  boolean has(String name) {
    return options.has(name);
  }

  Optional<String> value(String name) {
    return options.value(name);
  }

  /** The type of the encoder of images, if it is to be written. */
  Optional<Recipe> mmproj() {
    return value(MMPROJ)
        .map(type ->
            switch (type) {
              case "f32" -> Recipe.F32;
              case "f16" -> Recipe.F16;
              case "bf16" -> Recipe.BF16;
              case "q8_0" -> Recipe.Q8_0;
              default ->
                  throw new PhialException.Usage(
                      "--%s: expected f32, f16, bf16 or q8_0, found %s".formatted(MMPROJ, type));
            });
  }

  Mixture.Wishes wishes() {
    return new Mixture.Wishes(
        has("pure"),
        has("leave-output-tensor"),
        value("output-tensor-type").map(type -> format("output-tensor-type", type)),
        value("token-embedding-type").map(type -> format("token-embedding-type", type)),
        tensorTypes());
  }

  private List<Map.Entry<Pattern, GgmlFormat>> tensorTypes() {
    List<String> rules = new ArrayList<>(options.all("tensor-type"));
    value("tensor-type-file").ifPresent(file -> rules.addAll(words(Path.of(file))));
    List<Map.Entry<Pattern, GgmlFormat>> types = new ArrayList<>();
    for (String rule : rules) {
      int equals = rule.indexOf('=');
      if (equals < 1) {
        throw new PhialException.Usage("--tensor-type: expected REGEX=TYPE, found " + rule);
      }
      // llama-quantize compares in lower case
      String regex = rule.substring(0, equals).toLowerCase(Locale.ROOT);
      try {
        types.add(
            Map.entry(Pattern.compile(regex), format("tensor-type", rule.substring(equals + 1))));
      } catch (PatternSyntaxException e) {
        throw new PhialException.Usage(
            "--tensor-type: expected a regular expression, found %s: %s"
                .formatted(regex, e.getDescription()));
      }
    }
    return types;
  }

  private static List<String> words(Path file) {
    return Pattern.compile("\\s+")
        .splitAsStream(TextFile.readLikePython(file))
        .filter(word -> !word.isEmpty())
        .toList();
  }

  private static GgmlFormat format(String option, String name) {
    return Formats.named(name)
        .orElseThrow(() ->
            new PhialException.Usage(
                "--%s: expected one of %s, found %s".formatted(option, Formats.ALL, name)));
  }

  /** The importance matrix, without what the user excluded. */
  Optional<ImportanceMatrix> importance() {
    List<String> included = options.all("include-weights");
    List<String> excluded = options.all("exclude-weights");
    if (!included.isEmpty() && !excluded.isEmpty()) {
      throw new PhialException.Usage(
          "--include-weights and --exclude-weights cannot be used together");
    }
    return value("imatrix")
        .map(Path::of)
        .map(ImportanceMatrix::read)
        .map(matrix ->
            matrix.filter(name ->
                excluded.stream().noneMatch(name::contains)
                    && (included.isEmpty() || included.stream().anyMatch(name::contains))))
        .filter(matrix -> !matrix.weights().isEmpty());
  }

  /** The layers to leave out, in order. */
  List<Integer> prunedLayers() {
    TreeSet<Integer> layers = new TreeSet<>();
    for (String layer : value("prune-layers").map(list -> list.split(",")).orElse(new String[0])) {
      if (!layer.strip().matches("\\d{1,5}")) {
        throw new PhialException.Usage(
            "--prune-layers: expected layer numbers like 3,4,5, found " + layer);
      }
      layers.add(Integer.parseInt(layer.strip()));
    }
    return List.copyOf(layers);
  }

  /** Metadata to set, in order. */
  Map<String, GgufValue> overrides() {
    Map<String, GgufValue> values = new LinkedHashMap<>();
    for (String override : options.all("override-kv")) {
      int equals = override.indexOf('=');
      int colon = override.indexOf(':', equals + 1);
      if (equals < 1 || colon < 0) {
        throw new PhialException.Usage("--override-kv: expected KEY=TYPE:VALUE, found " + override);
      }
      String key = override.substring(0, equals);
      if (key.getBytes(StandardCharsets.UTF_8).length > LONGEST_TEXT) {
        throw new PhialException.Usage(
            "--override-kv: expected a key of at most %d bytes, found %s"
                .formatted(LONGEST_TEXT, key));
      }
      values.remove(key); // a later one goes to the end
      values.put(
          key,
          override(override, override.substring(equals + 1, colon), override.substring(colon + 1)));
    }
    return values;
  }

  private static GgufValue override(String override, String type, String value) {
    Optional<GgufValue> parsed = Optional.empty();
    try {
      parsed =
          switch (type) {
            case "int" -> Optional.of(GgufValue.uint32(Math.abs(Long.parseLong(value))));
            case "float" -> Optional.of(GgufValue.float32(Double.parseDouble(value)));
            case "bool" ->
                Optional.of(value)
                    .filter(v -> v.equals("true") || v.equals("false"))
                    .map(v -> new GgufValue.Flag(v.equals("true")));
            case "str" ->
                Optional.of(value)
                    .filter(v -> v.getBytes(StandardCharsets.UTF_8).length <= LONGEST_TEXT)
                    .map(GgufValue.Text::new);
            default -> Optional.empty();
          };
    } catch (NumberFormatException e) {
      // the message below says it all
    }
    return parsed.orElseThrow(() ->
        new PhialException.Usage(
            "--override-kv: expected int:NUMBER, float:NUMBER, bool:true, bool:false or str:TEXT"
                + " of at most "
                + LONGEST_TEXT
                + " bytes, found "
                + override));
  }

  /** The most tensor bytes of a file, if files are to be split by size. */
  Optional<Long> splitBytes() {
    return value("split-max-size")
        .map(size -> {
          if (!size.matches("[1-9]\\d{0,6}[MG]")) {
            throw new PhialException.Usage(
                "--split-max-size: expected a number and M or G, found " + size);
          }
          long number = Long.parseLong(size.substring(0, size.length() - 1));
          return number * (size.endsWith("G") ? 1_000_000_000 : 1_000_000);
        });
  }

  Optional<Integer> splitTensors() {
    return value("split-max-tensors")
        .map(count -> {
          if (!count.matches("[1-9]\\d{0,6}")) {
            throw new PhialException.Usage(
                "--split-max-tensors: expected a number of at least 1, found " + count);
          }
          return Integer.parseInt(count);
        });
  }
}

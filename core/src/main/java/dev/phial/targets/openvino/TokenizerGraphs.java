package dev.phial.targets.openvino;

import static dev.phial.targets.openvino.StringOperations.LIST;
import static dev.phial.targets.openvino.StringOperations.extension;
import static dev.phial.targets.openvino.StringOperations.integers;
import static dev.phial.targets.openvino.StringOperations.many;
import static dev.phial.targets.openvino.StringOperations.outputs;
import static dev.phial.targets.openvino.StringOperations.parts;
import static dev.phial.targets.openvino.StringOperations.string;
import static dev.phial.targets.openvino.StringOperations.strings;
import static dev.phial.targets.openvino.TokenizerSource.steps;
import static dev.phial.targets.openvino.TokenizerSource.type;

import dev.phial.source.Folder;
import dev.phial.targets.openvino.TokenizerSource.Added;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.JsonNode;

/**
 * Tokenizer and detokenizer as graphs, in the operations of openvino_tokenizers and as its {@code
 * convert_tokenizer} puts them together for byte-pair encodings: of characters with a fallback to
 * bytes, which SentencePiece's become, and of bytes.
 */
final class TokenizerGraphs {
  private static final String VERSION = "2026.4.1.0";
  private static final int LEAST_CACHE = 20_000;

  /** What "no limit" is in the graph. */
  private static final int NO_LIMIT = Integer.MAX_VALUE - 64;

  /** GPT-2's words, where tokenizer.json means them without saying so. */
  private static final String WORDS =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";

  private final TokenizerSource source;
  private final boolean isByteLevel;
  private final List<byte[]> vocabulary = new ArrayList<>();
  private final List<Integer> before = new ArrayList<>(); // ids added before every text
  private final List<Integer> after = new ArrayList<>();

  private TokenizerGraphs(TokenizerSource source) {
    this.source = source;
    String model = source.model().path("type").asString("BPE");
    if (!model.equals("BPE")) {
      throw source.refused("expected byte-pair encoding (BPE), found " + model);
    }
    for (String unknown : new String[] {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!source.model().path(unknown).asString("").isEmpty()) {
        throw source.refused("expected no " + unknown + ", found one");
      }
    }
    isByteLevel =
        steps(source.part("pre_tokenizer"), "pretokenizers").stream()
            .anyMatch(step -> type(step).equals("ByteLevel"));
    for (String token : source.vocabulary()) {
      vocabulary.add(isByteLevel ? ByteLevel.bytes(token) : TokenizerSource.utf8(token));
    }
    for (Added token : source.added()) {
      while (vocabulary.size() <= token.id()) {
        if (vocabulary.size() > 1 << 20) {
          throw source.refused("expected at most %d tokens, found more".formatted(1 << 20));
        }
        vocabulary.add(new byte[0]);
      }
      vocabulary.set(
          token.id(),
          isByteLevel
              ? ByteLevel.addedBytes(token.content())
              : TokenizerSource.utf8(token.content()));
    }
    postProcessor();
  }

  /** The files by name. */
  static Map<String, byte[]> of(Folder folder) {
    TokenizerGraphs graphs = new TokenizerGraphs(new TokenizerSource(folder));
    Map<String, byte[]> files = new LinkedHashMap<>();
    Map<String, ?> information = graphs.information();
    put(files, "openvino_tokenizer", graphs.tokenizer(), information);
    put(
        files,
        "openvino_detokenizer",
        Detokenizer.write(graphs.source, graphs.vocabulary, graphs.isByteLevel),
        information);
    return files;
  }

  private static void put(
      Map<String, byte[]> files, String name, Ir graph, Map<String, ?> information) {
    files.put(name + ".xml", IrXml.write(graph, information));
    byte[] data = new byte[Math.toIntExact(graph.bytes())];
    graph
        .contents()
        .forEach((offset, bytes) ->
            System.arraycopy(bytes, 0, data, Math.toIntExact(offset), bytes.length));
    files.put(name + ".bin", data);
  }

  // --- what tokenizer.json says

  private void postProcessor() {
    if (source.isLlama()) {
      if (source.flag("add_bos_token", true)) {
        source.named("bos_token").ifPresent(before::add);
      }
      if (source.flag("add_eos_token", false)) {
        source.named("eos_token").ifPresent(after::add);
      }
      return;
    }
    for (JsonNode step : steps(source.part("post_processor"), "processors")) {
      switch (type(step)) {
        case "ByteLevel" -> {}
        case "TemplateProcessing" -> {
          List<Integer> ids = before;
          for (JsonNode piece : step.path("single")) {
            if (piece.has("Sequence")) {
              ids = after;
            } else {
              String token = piece.path("SpecialToken").path("id").asString("");
              ids.add(
                  source
                      .id(token)
                      .orElseThrow(() ->
                          source.refused(
                              "expected a known token in post_processor, found " + token)));
            }
          }
        }
        default -> throw source.refused("post_processor %s is not known".formatted(type(step)));
      }
    }
  }

  /** What the runtime, and whoever looks at the graphs, should know. */
  private Map<String, ?> information() {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("add_attention_mask", "True");
    all.put("add_special_tokens", "True");
    source.named("bos_token").ifPresent(id -> all.put("bos_token_id", id));
    source.chatTemplate().ifPresent(template -> all.put("chat_template", template));
    all.put("detokenizer_input_type", "i64");
    source.named("eos_token").ifPresent(id -> all.put("eos_token_id", id));
    all.put("number_of_inputs", 1);
    // whose graphs these are: without it GenAI offers no lengths and keeps no special tokens
    all.put("openvino_tokenizers_version", VERSION);
    source.named("pad_token").ifPresent(id -> all.put("pad_token_id", id));
    all.put("processed_post_processor_template", template());
    all.put("skip_special_tokens", "True");
    all.put("tokenizer_output_type", "i64");
    all.put("utf8_replace_mode", "replace");
    all.put("with_detokenizer", "True");
    return all;
  }

  /** What is put around one text, -1, and around two. */
  private String template() {
    List<Integer> one = new ArrayList<>(before);
    one.add(-1);
    one.addAll(after);
    List<Integer> two = new ArrayList<>(one);
    two.addAll(before);
    two.add(-2);
    two.addAll(after);
    return "{\"single\": %s, \"pair\": %s}".formatted(template(one), template(two));
  }

  private static String template(List<Integer> ids) {
    return "{\"ids\": %s, \"type_ids\": %s}".formatted(ids, ids.stream().map(id -> 0).toList());
  }

  // --- the tokenizer

  private Ir tokenizer() {
    Ir ir = new Ir();
    Value text = ir.parameter("string_input", ElementType.STRING, Value.UNKNOWN);
    Value unpacked =
        many(ir, "StringTensorUnpack", "opset15", Ir.attributes(), List.of(text), strings());
    Value count = ir.element(ir.shapeOf(unpacked, ElementType.I64), 0);
    List<Value> texts = new ArrayList<>();
    texts.add(ir.range(ir.number(0), count, ir.number(1), ElementType.I32));
    Value next = ir.elementwise("Add", count, ir.number(1));
    texts.add(ir.range(ir.number(1), next, ir.number(1), ElementType.I32));
    texts.addAll(outputs(ir, unpacked, 3));
    if (!source.added().isEmpty()) {
      List<Value> inputs = new ArrayList<>(texts);
      inputs.add(string(ir, addedPattern()));
      texts = outputs(ir, extension(ir, "SpecialTokensSplit", Ir.attributes(), inputs, parts()), 6);
    }
    for (JsonNode step : steps(source.part("normalizer"), "normalizers")) {
      texts = normalized(ir, texts, step);
    }
    for (JsonNode step : steps(source.part("pre_tokenizer"), "pretokenizers")) {
      texts = split(ir, texts, step);
    }
    Value ids = bytePairs(ir, texts);
    Value truncates = truncation(ir);
    Value limit =
        ir.select(
            truncates,
            ir.integer((int) (source.limit() - before.size() - after.size())),
            ir.integer(NO_LIMIT));
    List<Value> inputs = new ArrayList<>(outputs(ir, ids, 3));
    inputs.addAll(List.of(limit, string(ir, "left"), string(ir, "longest_first")));
    Value cut = extension(ir, "Truncate", Ir.attributes("m_num_inputs", 1), inputs, integers(3));
    Value combined = combined(ir, outputs(ir, cut, 3));
    List<Value> rows = outputs(ir, combined, 3);
    Value longest =
        ir.reduce(
            "ReduceMax",
            ir.elementwise("Subtract", rows.get(1), rows.get(0)),
            ir.integer(0),
            false,
            List.of());
    rows.addAll(List.of(longest, ir.integer(source.named("pad_token").orElse(0))));
    List<Long> table = Ir.dimensions(Value.UNKNOWN, Value.UNKNOWN);
    Value dense =
        extension(
            ir,
            "RaggedToDense",
            Ir.attributes("pad_right", false, "m_pad_max_length", false),
            rows,
            List.of(
                new Layer.Output(ElementType.I32, table, List.of()),
                new Layer.Output(ElementType.BOOLEAN, table, List.of())));
    Value mask = ir.convert(ir.output(dense, 1), ElementType.I32);
    Value wideMask = named(ir, mask, "attention_mask");
    Value wideIds = named(ir, dense, "input_ids");
    ir.add(
        "",
        "Assign",
        "opset6",
        Ir.attributes("variable_id", "truncation"),
        List.of(truncates),
        List.of(new Layer.Output(ElementType.BOOLEAN, List.of(), List.of())),
        List.of());
    ir.result(wideIds);
    ir.result(wideMask);
    return ir;
  }

  private static Value named(Ir ir, Value x, String name) {
    return ir.add(
        "",
        "Convert",
        "opset1",
        Ir.attributes("destination_type", ElementType.I64.label()),
        List.of(x),
        ElementType.I64,
        x.shape(),
        List.of(name));
  }

  /** Whether to cut long texts: the runtime may switch it on. */
  private static Value truncation(Ir ir) {
    return ir.add(
        "ReadValue",
        "opset6",
        Ir.attributes(
            "variable_id", "truncation", "variable_type", "dynamic", "variable_shape", "..."),
        List.of(ir.truth(false)),
        ElementType.BOOLEAN,
        List.of());
  }

  /** Finds added tokens, those that begin like others last, grouped by the blanks they swallow. */
  private String addedPattern() {
    Map<String, List<String>> groups = new LinkedHashMap<>();
    source.added().stream()
        .sorted(
            Comparator.comparing(Added::content, TokenizerGraphs::compareCharacters)
                .thenComparing(Added::stripsLeft)
                .thenComparing(Added::stripsRight)
                .reversed())
        .forEach(token ->
            groups
                .computeIfAbsent(
                    (token.stripsLeft() ? "(?:\\s*)" : "")
                        + "(%s)"
                        + (token.stripsRight() ? "(?:\\s*)" : ""),
                    key -> new ArrayList<>())
                .add(quoted(token.content())));
    return String.join(
        "|",
        groups.entrySet().stream()
            .map(group -> group.getKey().replace("%s", String.join("|", group.getValue())))
            .toList());
  }

  /** By characters, as Python compares, not by halves of them. */
  private static int compareCharacters(String a, String b) {
    return java.util.Arrays.compare(a.codePoints().toArray(), b.codePoints().toArray());
  }

  private static String quoted(String text) {
    StringBuilder out = new StringBuilder();
    text.codePoints()
        .forEach(c -> {
          if (!Character.isLetterOrDigit(c) && "_▁｜".indexOf(c) < 0) {
            out.append('\\');
          }
          out.appendCodePoint(c);
        });
    return out.toString();
  }

  private List<Value> normalized(Ir ir, List<Value> texts, JsonNode step) {
    return switch (type(step)) {
      case "Prepend" ->
          replaced(ir, texts, "(?:^)([\\s\\S])", step.path("prepend").asString("") + "$1");
      case "Replace" -> {
        JsonNode pattern = step.path("pattern");
        yield replaced(
            ir,
            texts,
            pattern.path("String").asString(pattern.path("Regex").asString("")),
            step.path("content").asString(""));
      }
      default -> throw source.refused("normalizer %s is not known".formatted(type(step)));
    };
  }

  /** The pieces of texts with a pattern replaced; what added tokens are is left alone. */
  private static List<Value> replaced(
      Ir ir, List<Value> texts, String pattern, String replacement) {
    List<Value> inputs = new ArrayList<>(texts.subList(2, texts.size()));
    inputs.add(string(ir, pattern));
    inputs.add(string(ir, replacement));
    boolean skips = texts.size() == 6;
    List<Layer.Output> outputs = new ArrayList<>(strings());
    if (skips) {
      outputs.add(new Layer.Output(ElementType.BOOLEAN, LIST, List.of()));
    }
    Value result =
        extension(ir, "RegexNormalization", Ir.attributes("global_replace", true), inputs, outputs);
    List<Value> all = new ArrayList<>(texts.subList(0, 2));
    all.addAll(outputs(ir, result, outputs.size()));
    return all;
  }

  private List<Value> split(Ir ir, List<Value> texts, JsonNode step) {
    return switch (type(step)) {
      case "Split" -> {
        JsonNode pattern = step.path("pattern");
        yield split(
            ir,
            texts,
            pattern.path("String").asString(pattern.path("Regex").asString("")),
            behaviour(step),
            step.path("invert").asBoolean(false));
      }
      case "ByteLevel" -> {
        List<Value> prefixed =
            step.path("add_prefix_space").asBoolean(false)
                ? replaced(ir, texts, "^(\\S)", " $1")
                : texts;
        yield step.path("use_regex").asBoolean(true)
            ? split(ir, prefixed, WORDS, "isolate", false)
            : prefixed;
      }
      default -> throw source.refused("pre_tokenizer %s is not known".formatted(type(step)));
    };
  }

  private String behaviour(JsonNode step) {
    return switch (step.path("behavior").asString("")) {
      case "Isolated" -> "isolate";
      case "Removed" -> "remove";
      case "Contiguous" -> "contiguous";
      case String other -> throw source.refused("behavior %s is not known".formatted(other));
    };
  }

  private static List<Value> split(
      Ir ir, List<Value> texts, String pattern, String behaviour, boolean inverts) {
    List<Value> inputs = new ArrayList<>(texts);
    inputs.add(string(ir, pattern));
    List<Layer.Output> outputs = texts.size() == 6 ? parts() : parts().subList(0, 5);
    return outputs(
        ir,
        extension(
            ir,
            "RegexSplit",
            Ir.attributes("behaviour", behaviour, "invert", inverts, "max_splits", -1),
            inputs,
            outputs),
        outputs.size());
  }

  private Value bytePairs(Ir ir, List<Value> texts) {
    List<byte[]> left = new ArrayList<>();
    List<byte[]> right = new ArrayList<>();
    for (List<String> merge : source.merges()) {
      left.add(bytes(merge.get(0)));
      right.add(bytes(merge.get(1)));
    }
    List<Value> inputs = new ArrayList<>(texts.subList(0, 5));
    inputs.addAll(strings(ir, vocabulary));
    inputs.addAll(strings(ir, left));
    inputs.addAll(strings(ir, right));
    if (!source.added().isEmpty()) {
      inputs.addAll(
          strings(
              ir,
              source.added().stream()
                  .map(token -> TokenizerSource.utf8(token.content()))
                  .toList()));
      int[] ids = source.added().stream().mapToInt(Added::id).toArray();
      inputs.add(ir.ints(List.of((long) ids.length), ids));
    }
    JsonNode model = source.model();
    int cache = Math.max(LEAST_CACHE, (int) (model.path("vocab").size() * 0.2));
    return extension(
        ir,
        "BPETokenizer",
        Ir.attributes(
            "unk_token",
            model.path("unk_token").asString(""),
            "fuse_unk",
            model.path("fuse_unk").asBoolean(false),
            "suffix_indicator",
            "",
            "end_suffix",
            "",
            "byte_fallback",
            model.path("byte_fallback").asBoolean(false),
            "cache_capacity",
            cache),
        inputs,
        integers(3));
  }

  private byte[] bytes(String token) {
    return isByteLevel ? ByteLevel.bytes(token) : TokenizerSource.utf8(token);
  }

  private Value combined(Ir ir, List<Value> ids) {
    List<Value> inputs = new ArrayList<>();
    int segments = 1;
    if (!before.isEmpty()) {
      addSegment(ir, before, inputs);
      segments++;
    }
    inputs.addAll(ids);
    if (!after.isEmpty()) {
      addSegment(ir, after, inputs);
      segments++;
    }
    inputs.add(ir.ints(List.of((long) segments), new int[segments]));
    return extension(ir, "CombineSegments", Ir.attributes(), inputs, integers(6));
  }

  private static void addSegment(Ir ir, List<Integer> ids, List<Value> to) {
    to.add(ir.integer(0));
    to.add(ir.integer(ids.size()));
    to.add(ir.ints(List.of((long) ids.size()), ids.stream().mapToInt(Integer::intValue).toArray()));
  }
}

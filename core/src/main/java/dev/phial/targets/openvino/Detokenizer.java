package dev.phial.targets.openvino;

import static dev.phial.targets.openvino.StringOperations.LIST;
import static dev.phial.targets.openvino.StringOperations.extension;
import static dev.phial.targets.openvino.StringOperations.integers;
import static dev.phial.targets.openvino.StringOperations.outputs;
import static dev.phial.targets.openvino.StringOperations.parts;
import static dev.phial.targets.openvino.StringOperations.string;
import static dev.phial.targets.openvino.StringOperations.strings;

import dev.phial.targets.openvino.TokenizerSource.Added;
import java.util.ArrayList;
import java.util.List;
import tools.jackson.databind.JsonNode;

/** The graph that makes texts of ids. */
final class Detokenizer {
  private static final String CLEAN_UP =
      "(?| ([\\\\.\\\\?\\\\!,])| ('[ms])| (') | ('[rv]e)| (n't))";

  private final TokenizerSource source;
  private final List<byte[]> vocabulary;
  private final boolean isByteLevel;

  private Detokenizer(TokenizerSource source, List<byte[]> vocabulary, boolean isByteLevel) {
    this.source = source;
    this.vocabulary = vocabulary;
    this.isByteLevel = isByteLevel;
  }

  /**
   * @param vocabulary the bytes of every token, by id
   * @param isByteLevel whether tokens are made of bytes rather than characters
   */
  static Ir write(TokenizerSource source, List<byte[]> vocabulary, boolean isByteLevel) {
    return new Detokenizer(source, vocabulary, isByteLevel).write();
  }

  private Ir write() {
    Ir ir = new Ir();
    Value ids = ir.parameter("token_ids", ElementType.I64, Value.UNKNOWN, Value.UNKNOWN);
    List<Value> inputs = new ArrayList<>(List.of(ir.convert(ids, ElementType.I32)));
    inputs.addAll(strings(ir, decoderVocabulary()));
    int[] special = source.added().stream().filter(Added::special).mapToInt(Added::id).toArray();
    inputs.add(
        special.length == 0
            ? ir.constant(ElementType.I32, List.of(0L), new byte[1])
            : ir.ints(List.of((long) special.length), special));
    Value decoded =
        extension(
            ir, "VocabDecoder", Ir.attributes("skip_tokens", ""), inputs, parts().subList(0, 5));
    List<Value> texts = outputs(ir, decoded, 5);
    boolean isFused = false;
    List<JsonNode> steps = TokenizerSource.steps(source.part("decoder"), "decoders");
    for (JsonNode step : steps) {
      switch (TokenizerSource.type(step)) {
        case "Replace" ->
            texts =
                decoding(
                    ir,
                    texts,
                    step.path("pattern").path("String").asString(""),
                    step.path("content").asString(""));
        case "ByteFallback" -> {
          List<Value> strings = texts.subList(texts.size() - 3, texts.size());
          Value bytes = extension(ir, "ByteFallback", Ir.attributes(), strings, strings());
          texts = joined(texts, outputs(ir, bytes, 3));
        }
        case "Fuse", "ByteLevel" -> {
          texts = isFused ? texts : fused(ir, texts);
          isFused = true;
        }
        case "Strip" -> texts = decoding(ir, texts, "^" + step.path("content").asString(""), "");
        default ->
            throw source.refused("decoder %s is not known".formatted(TokenizerSource.type(step)));
      }
    }
    texts = isFused ? texts : fused(ir, texts);
    Value valid =
        extension(ir, "UTF8Validate", Ir.attributes("replace_mode", true), texts, strings());
    texts = outputs(ir, valid, 3);
    if (source.flag("clean_up_tokenization_spaces", false)) {
      texts = decoding(ir, texts, CLEAN_UP, "$1");
    }
    ir.result(
        ir.add(
            "",
            "StringTensorPack",
            "opset15",
            Ir.attributes(),
            texts,
            ElementType.STRING,
            LIST,
            List.of("string_output")));
    return ir;
  }

  private List<byte[]> decoderVocabulary() {
    if (!isByteLevel) {
      return vocabulary;
    }
    List<byte[]> all = new ArrayList<>(vocabulary);
    List<String> tokens = source.vocabulary();
    for (int id = 0; id < tokens.size(); id++) {
      if (all.get(id).length == 0) {
        all.set(id, ByteLevel.addedBytes(tokens.get(id)));
      }
    }
    return all;
  }

  private static List<Value> fused(Ir ir, List<Value> texts) {
    Value fused = extension(ir, "FuzeRagged", Ir.attributes(), texts.subList(0, 4), integers(2));
    List<Value> result = outputs(ir, fused, 2);
    result.add(texts.get(4));
    return result;
  }

  private static List<Value> decoding(
      Ir ir, List<Value> texts, String pattern, String replacement) {
    List<Value> inputs = new ArrayList<>(texts.subList(texts.size() - 3, texts.size()));
    inputs.add(string(ir, pattern));
    inputs.add(string(ir, replacement));
    Value result =
        extension(
            ir, "RegexNormalization", Ir.attributes("global_replace", true), inputs, strings());
    return joined(texts, outputs(ir, result, 3));
  }

  /** With others in the place of the last three. */
  private static List<Value> joined(List<Value> texts, List<Value> last) {
    List<Value> result = new ArrayList<>(texts.subList(0, texts.size() - 3));
    result.addAll(last);
    return result;
  }
}

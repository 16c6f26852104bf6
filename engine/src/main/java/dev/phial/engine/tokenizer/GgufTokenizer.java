package dev.phial.engine.tokenizer;

import dev.phial.PhialException;
import dev.phial.io.LittleEndian;
import dev.phial.source.Gguf;
import dev.phial.source.GgufType;
import dev.phial.source.GgufValue;
import dev.phial.source.SentencePiece;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/** The tokenizer that the metadata of a GGUF file describes; tensors are not needed. */
final class GgufTokenizer {
  private static final String PREFIX = "tokenizer.ggml.";

  /** Special tokens of Phi-3's SentencePiece vocabularies that leave the blanks after them. */
  private static final Set<String> LEAVING_BLANKS = Set.of("<unk>", "<s>", "<|endoftext|>");

  private final Gguf gguf;
  private final List<String> tokens;
  private final SentencePiece.Type[] types; // [tokens]
  private final boolean isSentencePiece;

  GgufTokenizer(Gguf gguf) {
    this.gguf = gguf;
    String model =
        gguf.text(PREFIX + "model")
            .orElseThrow(() ->
                new PhialException.BadInput(
                    "%s: expected a tokenizer in the metadata, found none; convert the model again, with its tokenizer files"
                        .formatted(gguf.path())));
    if (!model.equals("llama") && !model.equals("gpt2")) {
      throw new PhialException.Unsupported(
          "%s: expected %smodel to be llama or gpt2, found %s"
              .formatted(gguf.path(), PREFIX, model));
    }
    this.isSentencePiece = model.equals("llama");
    this.tokens = texts("tokens");
    Limits limits = new Limits(gguf.path());
    limits.count("tokens", tokens.size());
    tokens.forEach(limits::token);
    this.types = types();
  }

  Definition definition() {
    return isSentencePiece ? sentencePiece() : bytePairs();
  }

  private Definition sentencePiece() {
    float[] scores = scores();
    ScoredPieces pieces = new ScoredPieces(gguf.path());
    boolean hasBytes = false;
    for (int id = 0; id < types.length; id++) {
      switch (types[id]) {
        case NORMAL -> pieces.add(token(id), id, scores[id]);
        case BYTE -> {
          pieces.addApart(token(id), id);
          hasBytes = true;
        }
        case UNKNOWN -> pieces.addApart(token(id), id);
        case CONTROL, USER_DEFINED, UNUSED -> {}
      }
    }
    Optional<String> unknown = unknown();
    unknown.ifPresent(token -> pieces.addApart(token, tokens.indexOf(token)));
    boolean prefix = flag("add_space_prefix", true);
    return new Definition(
        Steps.escapeBlanks(prefix),
        Steps.none(),
        Steps.unescapeBlanks(prefix),
        new Definition.Merging(unknown, true, hasBytes, false),
        pieces.vocabulary(),
        pieces.merges(),
        added());
  }

  private Definition bytePairs() {
    ObjectNode vocabulary = JsonNodeFactory.instance.objectNode();
    for (int id = 0; id < types.length; id++) {
      if (types[id] == SentencePiece.Type.NORMAL) {
        vocabulary.put(token(id), id);
      }
    }
    ArrayNode merges = JsonNodeFactory.instance.arrayNode();
    texts("merges").forEach(merges::add);
    return new Definition(
        Steps.none(),
        Splitting.named(gguf.path(), gguf.text(PREFIX + "pre").orElse("default")),
        Steps.byteLevel(true),
        new Definition.Merging(Optional.empty(), false, false, false),
        Definition.MAPPER.writeValueAsString(vocabulary),
        Definition.MAPPER.writeValueAsString(merges),
        added());
  }

  /**
   * GGUF does not say which special tokens take the blanks after them. llama.cpp knows it of Phi-3
   * ({@code llama-vocab.cpp}), by the model's name; here it goes by the architecture.
   */
  private List<AddedToken> added() {
    String architecture = gguf.text("general.architecture").orElse("");
    boolean isPhi3 = isSentencePiece && architecture.toLowerCase(Locale.ROOT).startsWith("phi");
    List<AddedToken> added = new ArrayList<>();
    for (int id = 0; id < types.length; id++) {
      boolean special =
          types[id] == SentencePiece.Type.CONTROL || types[id] == SentencePiece.Type.UNKNOWN;
      if (special || types[id] == SentencePiece.Type.USER_DEFINED) {
        String content = token(id);
        if (!content.isEmpty()) {
          added.add(
              AddedToken.of(id, content, special)
                  .takingBlanksAfter(isPhi3 && !LEAVING_BLANKS.contains(content)));
        }
      }
    }
    return added;
  }

  SpecialTokens special() {
    Map<String, String> names = new HashMap<>();
    name(names, "bos_token", "bos_token_id");
    name(names, "eos_token", "eos_token_id");
    name(names, "unk_token", "unknown_token_id");
    name(names, "pad_token", "padding_token_id");
    Set<Integer> ends = new TreeSet<>();
    for (String key : List.of("eos_token_id", "eot_token_id", "eom_token_id")) {
      id(key).ifPresent(ends::add);
    }
    SpecialTokens.addTurnEnds(added(), ends);
    return new SpecialTokens(
        names, id("bos_token_id"), flag("add_bos_token", isSentencePiece), ends);
  }

  private void name(Map<String, String> names, String name, String key) {
    id(key).ifPresent(id -> names.put(name, token(id)));
  }

  private Optional<String> unknown() {
    OptionalInt id = id("unknown_token_id");
    if (id.isPresent()) {
      return Optional.of(token(id.getAsInt()));
    }
    int first = List.of(types).indexOf(SentencePiece.Type.UNKNOWN);
    return first < 0 ? Optional.empty() : Optional.of(token(first));
  }

  /** An id that metadata names, if it is one of the vocabulary. */
  private OptionalInt id(String key) {
    OptionalLong id = gguf.whole(PREFIX + key);
    return id.isPresent() && id.getAsLong() >= 0 && id.getAsLong() < tokens.size()
        ? OptionalInt.of((int) id.getAsLong())
        : OptionalInt.empty();
  }

  private boolean flag(String key, boolean otherwise) {
    return gguf.metadata().get(PREFIX + key) instanceof GgufValue.Flag flag
        ? flag.value()
        : otherwise;
  }

  private String token(int id) {
    return tokens.get(id);
  }

  private List<String> texts(String key) {
    if (gguf.metadata().get(PREFIX + key) instanceof GgufValue.Texts texts) {
      return texts.values();
    }
    throw bad(key, "a list of strings", "none");
  }

  /** Without types, which old files lack, every token is an ordinary one. */
  private SentencePiece.Type[] types() {
    SentencePiece.Type[] all = SentencePiece.Type.values();
    SentencePiece.Type[] result = new SentencePiece.Type[tokens.size()];
    Arrays.fill(result, SentencePiece.Type.NORMAL);
    if (gguf.metadata().containsKey(PREFIX + "token_type")) {
      byte[] numbers = numbers("token_type", GgufType.INT32);
      for (int id = 0; id < result.length; id++) {
        int number = LittleEndian.readInt(numbers, id * Integer.BYTES); // from 1
        result[id] =
            number >= 1 && number <= all.length ? all[number - 1] : SentencePiece.Type.UNUSED;
      }
    }
    return result;
  }

  private float[] scores() {
    byte[] bytes = numbers("scores", GgufType.FLOAT32);
    float[] scores = new float[tokens.size()];
    for (int id = 0; id < scores.length; id++) {
      scores[id] = LittleEndian.readFloat(bytes, id * Float.BYTES);
    }
    return scores;
  }

  /** As many numbers as there are tokens. */
  private byte[] numbers(String key, GgufType type) {
    if (!(gguf.metadata().get(PREFIX + key) instanceof GgufValue.Numbers numbers)
        || numbers.elementType() != type) {
      throw bad(key, "an array of " + type, String.valueOf(gguf.metadata().get(PREFIX + key)));
    }
    if (numbers.count() != tokens.size()) {
      throw bad(key, tokens.size() + " numbers, one for each token", numbers.count() + "");
    }
    return numbers.bytes();
  }

  private PhialException bad(String key, String expected, String found) {
    return new PhialException.BadInput(
        "%s: metadata %s%s: expected %s, found %s"
            .formatted(gguf.path(), PREFIX, key, expected, found));
  }
}

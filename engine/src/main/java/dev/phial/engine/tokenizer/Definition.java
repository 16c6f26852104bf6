package dev.phial.engine.tokenizer;

import dev.phial.io.Json;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.json.JsonWriteFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * A byte-pair tokenizer in the terms of Hugging Face's {@code tokenizer.json}, whatever it was read
 * from.
 *
 * @param normalizer how text is rewritten first, or null
 * @param preTokenizer how it is split into words, or null
 * @param decoder how pieces become text again, or null
 * @param vocabulary token to id, a JSON object
 * @param merges pairs, the most important first, a JSON array
 */
record Definition(
    JsonNode normalizer,
    JsonNode preTokenizer,
    JsonNode decoder,
    Merging merging,
    String vocabulary,
    String merges,
    List<AddedToken> added) {

  /** Writes what tokens may hold so that every reader agrees on it. */
  static final JsonMapper MAPPER =
      JsonMapper.builder(
              Json.MAPPER
                  .tokenStreamFactory()
                  .rebuild()
                  .enable(JsonWriteFeature.ESCAPE_NON_ASCII)
                  .build())
          .build();

  private static final JsonNodeFactory NODES = JsonNodeFactory.instance;

  Definition {
    added = List.copyOf(added);
  }

  /**
   * How words become tokens.
   *
   * @param unknown the token for what the vocabulary lacks
   * @param fusesUnknown whether several of them in a row become one
   * @param fallsBackToBytes whether tokens like {@code <0x0A>} stand in for what it lacks
   * @param ignoresMerges whether a word that is a token needs no merging
   */
  record Merging(
      Optional<String> unknown,
      boolean fusesUnknown,
      boolean fallsBackToBytes,
      boolean ignoresMerges) {}

  Definition withAdded(List<AddedToken> tokens) {
    return new Definition(
        normalizer, preTokenizer, decoder, merging, vocabulary, merges, List.copyOf(tokens));
  }

  /**
   * The text of a tokenizer.json.
   *
   * @param special with the special tokens; without them their text is like any other
   */
  String json(boolean special) {
    List<AddedToken> known = added.stream().filter(token -> special || !token.special()).toList();
    ObjectNode start = NODES.objectNode();
    start.put("version", "1.0").putNull("truncation").putNull("padding");
    ArrayNode tokens = start.putArray("added_tokens");
    known.forEach(token -> token.write(tokens.addObject()));
    start.set("normalizer", normalizer);
    start.set("pre_tokenizer", preTokenizer);
    start.putNull("post_processor");
    start.set("decoder", decoder);
    ObjectNode model = NODES.objectNode();
    model.put("type", "BPE").putNull("dropout");
    model.put("unk_token", merging.unknown.orElse(null));
    model.putNull("continuing_subword_prefix").putNull("end_of_word_suffix");
    model.put("fuse_unk", merging.fusesUnknown);
    model.put("byte_fallback", merging.fallsBackToBytes);
    model.put("ignore_merges", merging.ignoresMerges);
    return "%s,\"model\":%s,\"vocab\":%s,\"merges\":%s}}"
        .formatted(open(start), open(model), vocabularyWith(known), merges);
  }

  /**
   * Added tokens get their ids from the vocabulary, else the library counts on from the last one.
   * Of a name that is there twice the last counts, which is the vocabulary's own.
   */
  private String vocabularyWith(List<AddedToken> known) {
    if (known.isEmpty()) {
      return vocabulary;
    }
    ObjectNode ids = NODES.objectNode();
    known.forEach(token -> ids.put(token.content(), token.id()));
    String own = vocabulary.strip().substring(1).stripLeading(); // without the opening brace
    return open(ids) + (own.startsWith("}") ? "" : ",") + own;
  }

  /** An object that is to be continued. */
  private static String open(ObjectNode object) {
    String text = MAPPER.writeValueAsString(object);
    return text.substring(0, text.length() - 1);
  }
}

package dev.phial.engine.tokenizer;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A token that is looked for in the text before anything else, in the terms of {@code
 * tokenizer.json}.
 *
 * @param special whether only text that is meant to hold special tokens is searched for it
 * @param leftStrip whether it takes the blanks before it
 * @param rightStrip whether it takes the blanks after it
 * @param singleWord whether it is found only between words
 * @param normalized whether it is looked for in normalized text
 */
record AddedToken(
    int id,
    String content,
    boolean special,
    boolean leftStrip,
    boolean rightStrip,
    boolean singleWord,
    boolean normalized) {

  /** A token found anywhere, as it is written. */
  static AddedToken of(int id, String content, boolean special) {
    return new AddedToken(id, content, special, false, false, false, false);
  }

  /** An entry of {@code added_tokens}, or with its id of {@code added_tokens_decoder}. */
  static AddedToken of(int id, JsonNode json) {
    boolean special = json.path("special").asBoolean(false);
    return new AddedToken(
        id,
        json.path("content").asString(""),
        special,
        json.path("lstrip").asBoolean(false),
        json.path("rstrip").asBoolean(false),
        json.path("single_word").asBoolean(false),
        json.path("normalized").asBoolean(!special));
  }

  AddedToken takingBlanksAfter(boolean takes) {
    return new AddedToken(id, content, special, leftStrip, takes, singleWord, normalized);
  }

  void write(ObjectNode json) {
    json.put("id", id)
        .put("content", content)
        .put("special", special)
        .put("lstrip", leftStrip)
        .put("rstrip", rightStrip)
        .put("single_word", singleWord)
        .put("normalized", normalized);
  }
}

package dev.phial.server;

import dev.phial.io.Json;
import tools.jackson.databind.node.ObjectNode;

/** Tokens of a request: of its prompts, known ones among them, and generated. */
record Usage(int prompt, int cached, int generated) {
  ObjectNode json() {
    ObjectNode json = Json.MAPPER.createObjectNode();
    json.put("prompt_tokens", prompt)
        .put("completion_tokens", generated)
        .put("total_tokens", prompt + generated)
        .putObject("prompt_tokens_details")
        .put("cached_tokens", cached);
    return json;
  }
}

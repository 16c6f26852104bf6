package dev.phial.server;

import dev.phial.Version;
import dev.phial.io.Json;
import java.security.SecureRandom;
import java.util.HexFormat;
import tools.jackson.databind.node.ObjectNode;

/**
 * What every answer to a request begins with.
 *
 * @param created seconds since 1970
 * @param tellsUsage whether a stream tells of tokens at its end, and of nothing before
 */
record Head(String id, long created, String model, boolean tellsUsage) {
  private static final SecureRandom RANDOM = new SecureRandom();

  static Head of(String prefix, String model, boolean tellsUsage) {
    return new Head(random(prefix), System.currentTimeMillis() / 1000, model, tellsUsage);
  }

  /** A name that nothing else has. */
  static String random(String prefix) {
    byte[] bytes = new byte[12];
    RANDOM.nextBytes(bytes);
    return prefix + HexFormat.of().formatHex(bytes);
  }

  ObjectNode of(String object) {
    return Json.MAPPER
        .createObjectNode()
        .put("id", id)
        .put("object", object)
        .put("created", created)
        .put("model", model)
        .put("system_fingerprint", "phial-" + Version.current());
  }

  /** A part of a stream. */
  ObjectNode chunk(String object) {
    ObjectNode chunk = of(object);
    return tellsUsage ? chunk.putNull("usage") : chunk;
  }
}

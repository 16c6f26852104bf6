package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.io.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import tools.jackson.databind.JsonNode;

/**
 * The tensors of a safetensors file.
 *
 * @param lines {@code NAME DTYPE SHAPE SHA-256} of each tensor, sorted
 */
record SafetensorsListing(List<String> lines) {
  /**
   * @param framework that the header must name
   */
  static SafetensorsListing of(Path file, String framework) {
    byte[] all;
    try {
      all = Files.readAllBytes(file);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    int length = Math.toIntExact(ByteBuffer.wrap(all).order(ByteOrder.LITTLE_ENDIAN).getLong());
    JsonNode header =
        Json.STRICT.readTree(new String(all, Long.BYTES, length, StandardCharsets.UTF_8));
    assertThat(header.get("__metadata__").toString())
        .isEqualTo("{\"format\":\"%s\"}".formatted(framework));
    List<String> lines = new ArrayList<>();
    for (Map.Entry<String, JsonNode> entry : header.properties()) {
      if (entry.getKey().equals("__metadata__")) {
        continue;
      }
      JsonNode offsets = entry.getValue().get("data_offsets");
      int start = Long.BYTES + length;
      byte[] data =
          Arrays.copyOfRange(all, start + offsets.get(0).asInt(), start + offsets.get(1).asInt());
      String shape =
          entry
              .getValue()
              .get("shape")
              .valueStream()
              .map(JsonNode::asString)
              .collect(Collectors.joining("x"));
      lines.add(
          "%s %s %s %s"
              .formatted(
                  entry.getKey(),
                  entry.getValue().get("dtype").asString(),
                  shape,
                  Phial.sha256(data)));
    }
    return new SafetensorsListing(lines.stream().sorted().toList());
  }

  /**
   * Asserts that a golden file has the same.
   *
   * @param golden {@code tensors}, the SHA-256 of all lines, and {@code lines}, the first digits of
   *     that of each
   * @param script that made it, and prints the lines of the tool
   */
  void isThatOf(JsonNode golden, String what, String script) {
    List<String> expected = Arrays.asList(golden.get("lines").asString().split(" "));
    for (String line : lines) {
      assertThat(expected)
          .as("%s: %s; %s show prints what the tool wrote", what, line, script)
          .contains(Phial.sha256(line.getBytes(StandardCharsets.UTF_8)).substring(0, 8));
    }
    String all = lines.stream().map(line -> line + "\n").collect(Collectors.joining());
    assertThat(Phial.sha256(all.getBytes(StandardCharsets.UTF_8)))
        .as(what)
        .isEqualTo(golden.get("tensors").asString());
  }
}

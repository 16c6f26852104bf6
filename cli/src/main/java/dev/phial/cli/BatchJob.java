package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.choose.Method;
import dev.phial.engine.work.Workers;
import dev.phial.io.Json;
import dev.phial.source.TextFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * One conversion of many.
 *
 * @param line of the file that names it, from 1
 * @param json as it stands there
 * @param to targets with their precisions, as {@code --to} takes them
 * @param output folder for what is written, a path or a URI
 * @param options of the targets, by their names without dashes
 */
record BatchJob(
    int line,
    ObjectNode json,
    String model,
    List<String> to,
    String output,
    Method method,
    Map<String, List<String>> options) {
  private static final Set<String> KEYS = Set.of("model", "to", "output", "method", "options");

  /**
   * Reads a file with a JSON object in each line.
   *
   * @throws PhialException.BadInput if a line is none, or no job, or has the output of another
   */
  static List<BatchJob> read(Path file) {
    List<BatchJob> jobs = new ArrayList<>();
    Map<String, Integer> outputs = new HashMap<>();
    int line = 0;
    for (String text : TextFile.readLikePython(file).split("\n", -1)) {
      line++;
      if (text.isBlank()) {
        continue;
      }
      BatchJob job = new Reader("%s, line %d".formatted(file, line)).job(line, text);
      Integer other = outputs.putIfAbsent(job.place(), line);
      if (other != null) {
        throw new PhialException.BadInput(
            "%s, line %d: expected an output of its own, found %s, that of line %d; nothing was begun"
                .formatted(file, line, job.output, other));
      }
      jobs.add(job);
    }
    if (jobs.isEmpty()) {
      throw new PhialException.BadInput(
          file
              + ": expected a job in each line, found none; write {\"model\": …, \"to\": …, \"output\": …}");
    }
    return jobs;
  }

  /** The same for two ways to write the same output. */
  private String place() {
    return Workers.isTheirs(output)
        ? Workers.plain(output).replaceFirst("/+$", "")
        : Path.of(output).toAbsolutePath().normalize().toString();
  }

  /** Reads one line. */
  private record Reader(String where) {
    BatchJob job(int line, String text) {
      ObjectNode json = object(text);
      json.propertyNames().stream()
          .filter(key -> !KEYS.contains(key))
          .findFirst()
          .ifPresent(key -> {
            throw bad("model, to, output, method and options", key);
          });
      Map<String, List<String>> options = new LinkedHashMap<>();
      JsonNode given = json.path("options");
      if (!given.isMissingNode() && !given.isObject()) {
        throw bad("options in an object", given.toString());
      }
      given
          .properties()
          .forEach(option ->
              options.put(
                  option.getKey(),
                  option.getValue().isBoolean() && option.getValue().booleanValue()
                      ? List.of()
                      : texts("options." + option.getKey(), option.getValue())));
      List<String> to = texts("to", json.path("to"));
      if (to.isEmpty()) {
        throw bad("targets in to, such as gguf:Q4_K_M", "none");
      }
      return new BatchJob(
          line,
          json,
          text("model", json.path("model")),
          to,
          text("output", json.path("output")),
          method(json),
          options);
    }

    private Method method(ObjectNode json) {
      String label =
          json.has("method") ? text("method", json.path("method")) : Method.REFERENCE.label();
      return Method.NAMED.stream()
          .filter(method -> method.label().equals(label))
          .findFirst()
          .orElseThrow(() -> bad("reference, search, gptq or best for method", label));
    }

    private ObjectNode object(String text) {
      try {
        JsonNode json = Json.STRICT.readTree(text);
        if (json instanceof ObjectNode object) {
          return object;
        }
        throw bad("a JSON object", text);
      } catch (JacksonException e) {
        throw bad("a JSON object", text);
      }
    }

    private List<String> texts(String key, JsonNode node) {
      List<String> texts = new ArrayList<>();
      if (node.isArray()) {
        node.forEach(one -> texts.add(text(key, one)));
      } else {
        texts.add(text(key, node));
      }
      return texts;
    }

    private String text(String key, JsonNode node) {
      if (node.isNumber()) {
        return node.toString();
      }
      if (!node.isString() || node.stringValue().isBlank()) {
        throw bad("a text for " + key, node.isMissingNode() ? "none" : node.toString());
      }
      return node.stringValue();
    }

    private PhialException bad(String expected, String found) {
      return new PhialException.BadInput(
          "%s: expected %s, found %s; nothing was begun".formatted(where, expected, found));
    }
  }
}

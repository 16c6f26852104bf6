package dev.phial.server;

import dev.phial.io.Json;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Functions that a model may call, told as Phi-4-mini was taught: a list in the system message.
 * Whether it calls one, and with which arguments, is the model's choice.
 *
 * @param names of the functions
 * @param description of all, as JSON
 */
record Tools(Set<String> names, String description) {
  /** Around calls, as Phi-4-mini writes them. */
  static final String BEGIN = "<|tool_call|>";

  static final String END = "<|/tool_call|>";

  /** Before calls, as it also writes them. */
  static final String WORD = "functools";

  private static final int MOST = 128;
  private static final String NAME = "[a-zA-Z0-9_.-]{1,64}";

  /** A call of a function. */
  record Use(String name, String arguments) {}

  /**
   * The tools of a request.
   *
   * @throws ApiError if they are none, or the model was taught none, or a call is demanded
   */
  static Optional<Tools> read(Fields fields, ServedModel model) {
    Optional<JsonNode> tools = fields.find("tools");
    if (tools.filter(node -> !node.isArray()).isPresent()) {
      throw ApiError.invalid("tools", "expected a list of functions");
    }
    tools = tools.filter(node -> !node.isEmpty());
    Optional<JsonNode> choice = fields.find("tool_choice");
    if (tools.isEmpty() || choice.filter(node -> node.asString("").equals("none")).isPresent()) {
      return Optional.empty();
    }
    if (choice.filter(node -> !node.asString("").equals("auto")).isPresent()) {
      throw ApiError.unsupported(
          "tool_choice", "expected auto or none: no model can be made to call a function here");
    }
    if (!model.template().orElseThrow().takesTools()) {
      throw ApiError.unsupported(
          "tools",
          "the chat template of %s knows no tools; Phi-4-mini's does".formatted(model.id()));
    }
    Set<String> names = new LinkedHashSet<>();
    ArrayNode functions = Json.MAPPER.createArrayNode();
    for (JsonNode tool : tools.get()) {
      JsonNode function = tool.path("function");
      String name = function.path("name").asString("");
      if (!tool.path("type").asString("").equals("function")
          || !name.matches(NAME)
          || !names.add(name)
          || names.size() > MOST) {
        throw ApiError.invalid(
            "tools",
            "expected at most %d functions, each with a name of its own of up to 64 letters, digits, dots, dashes and underscores"
                .formatted(MOST));
      }
      ObjectNode told = functions.addObject().put("name", name);
      for (String key : List.of("description", "parameters")) {
        Optional.ofNullable(function.get(key)).ifPresent(value -> told.set(key, value));
      }
    }
    return Optional.of(new Tools(names, spaced(functions)));
  }

  /** The strings at which a call may begin. */
  static List<String> beginnings() {
    return List.of(BEGIN, WORD + "[");
  }

  /**
   * The calls that a text consists of; nothing if it is something else.
   *
   * @param text from where one of {@link #beginnings} stands
   */
  Optional<List<Use>> parse(String text) {
    String body = text.strip();
    if (body.startsWith(BEGIN)) {
      body = body.substring(BEGIN.length());
      int end = body.indexOf(END);
      if (end >= 0 && !body.substring(end + END.length()).isBlank()) {
        return Optional.empty();
      }
      body = end >= 0 ? body.substring(0, end) : body;
    } else {
      body = body.substring(WORD.length());
    }
    JsonNode json;
    try {
      json = Json.MAPPER.readTree(body);
    } catch (JacksonException e) {
      return Optional.empty();
    }
    List<Use> calls = new ArrayList<>();
    for (JsonNode call : json.isArray() ? json : List.of(json)) {
      String name = call.path("name").asString("");
      JsonNode arguments = call.has("arguments") ? call.get("arguments") : call.path("parameters");
      if (!names.contains(name)) {
        return Optional.empty();
      }
      calls.add(
          new Use(
              name,
              arguments.isString()
                  ? arguments.stringValue()
                  : arguments.isMissingNode() ? "{}" : spaced(arguments)));
    }
    return calls.isEmpty() ? Optional.empty() : Optional.of(calls);
  }

  /** JSON as Python writes it in one line, which is what the model was taught. */
  static String spaced(JsonNode json) {
    StringBuilder out = new StringBuilder();
    write(json, out);
    return out.toString();
  }

  private static void write(JsonNode json, StringBuilder out) {
    if (json.isObject()) {
      out.append('{');
      for (Iterator<Map.Entry<String, JsonNode>> i = json.properties().iterator(); i.hasNext(); ) {
        Map.Entry<String, JsonNode> entry = i.next();
        out.append(Json.MAPPER.getNodeFactory().stringNode(entry.getKey())).append(": ");
        write(entry.getValue(), out);
        out.append(i.hasNext() ? ", " : "");
      }
      out.append('}');
    } else if (json.isArray()) {
      out.append('[');
      for (Iterator<JsonNode> i = json.iterator(); i.hasNext(); ) {
        write(i.next(), out);
        out.append(i.hasNext() ? ", " : "");
      }
      out.append(']');
    } else {
      out.append(json);
    }
  }
}

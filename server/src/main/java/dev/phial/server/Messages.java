package dev.phial.server;

import dev.phial.engine.chat.ChatTemplate;
import dev.phial.io.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** The messages of a chat, as a template takes them. */
final class Messages {
  private static final String PARAMETER = "messages";

  private static final Set<String> ROLES =
      Set.of("system", "developer", "user", "assistant", "tool");

  private Messages() {}

  /**
   * @param tools what the model may call, if anything
   * @throws ApiError if a message is not understood
   */
  static List<Map<String, String>> read(Fields fields, Optional<Tools> tools) {
    JsonNode json =
        fields
            .find(PARAMETER)
            .filter(node -> node.isArray() && !node.isEmpty())
            .orElseThrow(
                () -> ApiError.invalid(PARAMETER, "expected a list of at least one message"));
    List<Map<String, String>> messages = new ArrayList<>();
    for (JsonNode message : json) {
      messages.add(message(message, "messages[" + messages.size() + "]"));
    }
    tools.ifPresent(some -> tell(some, messages));
    return messages;
  }

  /** The first system message brings the tools. */
  private static void tell(Tools tools, List<Map<String, String>> messages) {
    if (!"system".equals(messages.getFirst().get("role"))) {
      messages.addFirst(ChatTemplate.message("system", ""));
    }
    messages.getFirst().put("tools", tools.description());
  }

  private static Map<String, String> message(JsonNode message, String place) {
    String role = message.path("role").asString("");
    if (!ROLES.contains(role)) {
      throw ApiError.invalid(
          place + ".role", "expected one of system, developer, user, assistant and tool");
    }
    String content = content(message.path("content"), place + ".content");
    JsonNode calls = message.path("tool_calls");
    if (role.equals("assistant") && !calls.isMissingNode() && !calls.isNull()) {
      content += calls(calls, place + ".tool_calls");
    } else if (message.path("content").isMissingNode() || message.path("content").isNull()) {
      throw ApiError.invalid(place + ".content", "expected a text");
    }
    return ChatTemplate.message(role.equals("developer") ? "system" : role, content);
  }

  private static String content(JsonNode content, String place) {
    if (content.isMissingNode() || content.isNull()) {
      return "";
    } else if (content.isString()) {
      return content.stringValue();
    } else if (!content.isArray()) {
      throw ApiError.invalid(place, "expected a text, or a list of parts");
    }
    StringBuilder text = new StringBuilder();
    for (JsonNode part : content) {
      if (!part.path("type").asString("").equals("text") || !part.path("text").isString()) {
        throw ApiError.unsupported(
            place, "only parts of the type text are understood; models are run without images");
      }
      text.append(part.path("text").stringValue());
    }
    return text.toString();
  }

  /** What the model said when it called tools. */
  private static String calls(JsonNode calls, String place) {
    if (!calls.isArray()) {
      throw ApiError.invalid(place, "expected a list of calls");
    }
    ArrayNode said = Json.MAPPER.createArrayNode();
    for (JsonNode call : calls) {
      JsonNode function = call.path("function");
      if (!function.path("name").isString() || !function.path("arguments").isString()) {
        throw ApiError.invalid(
            place, "expected functions with a name, and arguments in a string of JSON");
      }
      ObjectNode entry = said.addObject().put("name", function.path("name").stringValue());
      String arguments = function.path("arguments").stringValue();
      try {
        entry.set("arguments", Json.MAPPER.readTree(arguments.isBlank() ? "{}" : arguments));
      } catch (JacksonException e) {
        throw ApiError.invalid(place, "expected arguments in a string of JSON, found another");
      }
    }
    return Tools.BEGIN + Tools.spaced(said) + Tools.END;
  }
}

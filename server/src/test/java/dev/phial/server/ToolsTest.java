package dev.phial.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

final class ToolsTest {
  private final Tools tools = new Tools(Set.of("weather", "time"), "");

  @ParameterizedTest
  @ValueSource(
      strings = {
        "<|tool_call|>[{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}}]<|/tool_call|>",
        "<|tool_call|>{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}}",
        "functools[{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}}]\n",
      })
  void findsACall(String text) {
    assertThat(tools.parse(text))
        .contains(List.of(new Tools.Use("weather", "{\"city\": \"Rome\"}")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "functools[1, 2",
        "functools[{\"name\": \"rm\", \"arguments\": {}}]",
        "<|tool_call|>[]<|/tool_call|>",
        "<|tool_call|>[{\"name\": \"time\"}]<|/tool_call|> and more",
        "<|tool_call|>\"weather\"",
      })
  void takesOtherTextForText(String text) {
    assertThat(tools.parse(text)).isEmpty();
  }

  @Test
  void findsSeveralCalls() {
    assertThat(
            tools.parse(
                "functools[{\"name\": \"time\"}, {\"name\": \"weather\", \"arguments\": \"{}\"}]"))
        .contains(List.of(new Tools.Use("time", "{}"), new Tools.Use("weather", "{}")));
  }

  @Test
  void callsAndResultsBecomeWhatTheModelWasTaught() {
    JsonNode request =
        Served.json(
            """
            {"messages": [
              {"role": "developer", "content": "Be brief."},
              {"role": "user", "content": [{"type": "text", "text": "Rome?"}]},
              {"role": "assistant", "content": null, "tool_calls": [{"id": "1", "type": "function",
                "function": {"name": "weather", "arguments": "{\\"city\\":\\"Rome\\"}"}}]},
              {"role": "tool", "tool_call_id": "1", "content": "sunny"}]}
            """);
    List<java.util.Map<String, String>> messages =
        Messages.read(new Fields((ObjectNode) request), Optional.of(new Tools(Set.of(), "[told]")));
    assertThat(messages.toString())
        .isEqualTo(
            "[{role=system, content=Be brief., tools=[told]}, {role=user, content=Rome?}, {role=assistant, content=<|tool_call|>[{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}}]<|/tool_call|>}, {role=tool, content=sunny}]");
  }
}

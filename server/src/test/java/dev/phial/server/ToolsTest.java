package dev.phial.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.engine.chat.ChatTemplate;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
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
    List<Map<String, String>> messages =
        Messages.read(new Fields((ObjectNode) request), Optional.of(new Tools(Set.of(), "[told]")));
    assertThat(messages.toString())
        .isEqualTo(
            "[{role=system, content=Be brief., tools=[told]}, {role=user, content=Rome?}, {role=assistant, content=<|tool_call|>[{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}}]<|/tool_call|>}, {role=tool, content=sunny}]");
  }

  /** Phi-4-mini's own template, and its tokens for tools. */
  @Test
  void phi4MiniIsTold() {
    String request =
        """
        {"model": "mini", "max_tokens": 4, "messages": [{"role": "user", "content": "Rome?"}],
         "tools": [{"type": "function", "function": {"name": "weather", "description": "Weather of a city",
           "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}}}]}
        """;
    try (Checkpoint checkpoint = Sources.open(Served.model("phi4-mini"));
        Server server = Server.start(Served.settings(), Map.of("mini", checkpoint));
        HttpClient client = HttpClient.newHttpClient()) {
      URI uri =
          URI.create("http://127.0.0.1:" + server.address().getPort() + "/v1/chat/completions");
      JsonNode told = ask(client, uri, request);
      JsonNode untold =
          ask(client, uri, request.replace("\"tools\":", "\"tool_choice\": \"none\", \"tools\":"));
      assertThat(tokens(told)).isGreaterThan(tokens(untold) + 10);

      Tokenizer tokenizer = Tokenizer.of(checkpoint);
      Fields fields = new Fields((ObjectNode) Served.json(request));
      Tools known = new Tools(Set.of(), Tools.spaced(Served.json("[{\"name\": \"weather\"}]")));
      String text =
          ChatTemplate.of(checkpoint)
              .orElseThrow()
              .render(Messages.read(fields, Optional.of(known)), tokenizer.special().names(), true);
      assertThat(text)
          .isEqualTo(
              "<|system|><|tool|>[{\"name\": \"weather\"}]<|/tool|><|end|><|user|>Rome?<|end|><|assistant|>");
    }
  }

  private static JsonNode ask(HttpClient client, URI uri, String body) {
    try {
      HttpResponse<String> response =
          client.send(
              HttpRequest.newBuilder(uri)
                  .header("Content-Type", "application/json")
                  .POST(HttpRequest.BodyPublishers.ofString(body))
                  .build(),
              HttpResponse.BodyHandlers.ofString());
      assertThat(response.statusCode()).as(response.body()).isEqualTo(200);
      return Served.json(response.body());
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static int tokens(JsonNode answer) {
    return answer.path("usage").path("prompt_tokens").intValue();
  }
}

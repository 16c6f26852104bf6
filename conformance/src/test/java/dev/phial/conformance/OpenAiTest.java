package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code phial serve}, asked with OpenAI's own client for Python. */
final class OpenAiTest {
  @TempDir Path folder;

  @Test
  void servesTheirClient() throws Exception {
    try (Serving serving =
        new Serving(folder, Map.of("PHIAL_API_KEY", "secret"), "demo", "other=demo")) {
      JsonNode found =
          new JsonMapper()
              .readTree(
                  Python.run(folder, "openai_client.py", List.of(serving.url(), "demo", "secret")));
      assertThat(texts(found.path("models"))).containsExactly("demo", "other");
      assertThat(found.path("retrieved").stringValue()).isEqualTo("demo");
      List<String> chat = texts(found.path("chat"));
      assertThat(chat).hasSize(2).doesNotHaveDuplicates();
      assertThat(texts(found.path("roles"))).containsOnly("assistant");
      assertThat(texts(found.path("finish"))).isSubsetOf("stop", "length");
      assertThat(texts(found.path("chat_tokens"))).isEqualTo(chat);
      found.path("alternatives").forEach(count -> assertThat(count.intValue()).isEqualTo(3));
      found.path("bytes").forEach(same -> assertThat(same.booleanValue()).isTrue());
      assertThat(texts(found.path("streamed"))).isEqualTo(chat);
      assertThat(found.path("streamed_finish")).isEqualTo(found.path("finish"));
      for (String name : List.of("prompt_tokens", "completion_tokens", "total_tokens")) {
        assertThat(found.path("streamed_usage").path(name))
            .isEqualTo(found.path("usage").path(name));
      }
      assertThat(found.path("helper")).isEqualTo(found.path("short"));
      assertThat(found.path("king").get(0).stringValue()).isEqualTo("King");
      assertThat(found.path("king").get(1).stringValue()).isIn("York", "Lancaster");
      List<String> completions = texts(found.path("texts"));
      assertThat(completions.get(0)).startsWith("What is");
      assertThat(completions.get(1)).startsWith("O king");
      assertThat(texts(found.path("text_tokens"))).isEqualTo(completions);
      assertThat(found.path("text_alternatives").get(0).intValue()).isZero();
      assertThat(found.path("text_alternatives").get(1).intValue()).isEqualTo(2);
      assertThat(found.path("text_streamed").stringValue()).isEqualTo(completions.get(0));
      assertThat(found.path("extra").intValue()).isEqualTo(4);

      JsonNode refusals = found.path("refusals");
      assertThat(refusals.path("model").path("kind").stringValue()).isEqualTo("NotFoundError");
      assertThat(refusals.path("model").path("code").stringValue()).isEqualTo("model_not_found");
      assertThat(refusals.path("schema").path("kind").stringValue()).isEqualTo("BadRequestError");
      assertThat(refusals.path("schema").path("param").stringValue()).isEqualTo("response_format");
      assertThat(refusals.path("length").path("code").stringValue())
          .isEqualTo("context_length_exceeded");
      assertThat(refusals.path("key").path("kind").stringValue()).isEqualTo("AuthenticationError");
      assertThat(serving.log()).doesNotContain("\tat ").doesNotContain("secret");
      assertThat(serving.terminate()).isEqualTo(128 + 15);
    }
  }

  private static List<String> texts(JsonNode list) {
    List<String> texts = new ArrayList<>();
    list.forEach(text -> texts.add(text.stringValue()));
    return texts;
  }
}

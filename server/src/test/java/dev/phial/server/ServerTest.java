package dev.phial.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.phial.PhialException;
import dev.phial.engine.generate.Generated;
import dev.phial.engine.generate.Generator;
import dev.phial.engine.generate.Interruption;
import dev.phial.engine.generate.Settings;
import dev.phial.engine.run.CacheType;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Team;
import dev.phial.engine.sample.Sampling;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.BooleanSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;

@TestInstance(Lifecycle.PER_CLASS)
final class ServerTest {
  private static final String CHAT = "/v1/chat/completions";
  private static final String COMPLETIONS = "/v1/completions";

  private final Served served = new Served(Served.settings());

  @AfterAll
  void close() {
    served.close();
  }

  private static String completion(String prompt, String more) {
    return "{\"model\":\"tiny\",\"prompt\":\"" + prompt + "\"" + more + "}";
  }

  private static String chat(String question, String more) {
    return "{\"model\":\"tiny\",\"messages\":[{\"role\":\"user\",\"content\":\""
        + question
        + "\"}]"
        + more
        + "}";
  }

  @Test
  void continuesAsTheGeneratorDoes() {
    JsonNode answer =
        served.ask(COMPLETIONS, completion("What is", ",\"max_tokens\":24,\"temperature\":0"));
    try (Checkpoint checkpoint = Sources.open(Served.MODEL);
        Team team = new Team(1)) {
      Interruption interruption = new Interruption();
      Forward forward = new Forward(Model.of(Families.describe(checkpoint)), team, interruption);
      Tokenizer tokenizer = Tokenizer.of(checkpoint);
      Settings settings = new Settings(Sampling.GREEDY, 0, List.of(), 24, 1024, false);
      try (Generator generator =
          new Generator(forward, tokenizer, CacheType.F16, settings, interruption)) {
        Generated expected =
            generator.generate(Generator.prompt(tokenizer, "What is", 1024), _ -> {});
        assertThat(answer.path("choices").get(0).path("text").stringValue())
            .isEqualTo(expected.text());
        assertThat(answer.path("usage").path("completion_tokens").intValue())
            .isEqualTo(expected.ids().length);
        assertThat(answer.path("usage").path("prompt_tokens").intValue())
            .isEqualTo(expected.promptTokens());
      }
    }
  }

  @Test
  void streamsWhatItSaysAtOnce() {
    String more = ",\"max_tokens\":20,\"ignore_eos\":true,\"seed\":7,\"temperature\":1,\"n\":2";
    JsonNode whole = served.ask(CHAT, chat("Who is there?", more));
    List<JsonNode> chunks =
        served.stream(
            CHAT,
            chat(
                "Who is there?",
                more + ",\"stream\":true,\"stream_options\":{\"include_usage\":true}"));
    assertThat(chunks.getLast().path("usage").path("completion_tokens").intValue()).isEqualTo(40);
    assertThat(chunks.getLast().path("choices").isEmpty()).isTrue();
    for (int choice = 0; choice < 2; choice++) {
      StringBuilder text = new StringBuilder();
      String finish = "";
      for (JsonNode chunk : chunks.subList(0, chunks.size() - 1)) {
        assertThat(chunk.path("usage").isNull()).isTrue();
        JsonNode part = chunk.path("choices").get(0);
        if (part.path("index").intValue() == choice) {
          text.append(part.path("delta").path("content").asString(""));
          finish = part.path("finish_reason").asString("");
        }
      }
      JsonNode expected = whole.path("choices").get(choice);
      assertThat(text).hasToString(expected.path("message").path("content").stringValue());
      assertThat(finish)
          .isEqualTo("length")
          .isEqualTo(expected.path("finish_reason").stringValue());
    }
  }

  /** Texts that go through the model together are what they are alone. */
  @Test
  void aCrowdGetsWhatEachGetsAlone() {
    List<String> requests =
        IntStream.range(0, 12)
            .mapToObj(i ->
                completion(
                    "The king of number " + i + " says that",
                    ",\"max_tokens\":16,\"temperature\":0,\"logprobs\":0,\"ignore_eos\":true"))
            .toList();
    List<JsonNode> alone;
    try (Served other = new Served(Served.settings())) {
      alone = requests.stream().map(request -> other.ask(COMPLETIONS, request)).toList();
    }
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<CompletableFuture<JsonNode>> crowd =
          requests.stream()
              .map(request ->
                  CompletableFuture.supplyAsync(() -> served.ask(COMPLETIONS, request), threads))
              .toList();
      for (int i = 0; i < requests.size(); i++) {
        JsonNode expected = alone.get(i).path("choices").get(0);
        JsonNode found = crowd.get(i).join().path("choices").get(0);
        assertThat(found.path("text")).isEqualTo(expected.path("text"));
        List<Double> close = numbers(expected.path("logprobs").path("token_logprobs"));
        List<Double> scores = numbers(found.path("logprobs").path("token_logprobs"));
        for (int token = 0; token < scores.size(); token++) {
          assertThat(scores.get(token)).isCloseTo(close.get(token), within(5e-3));
        }
      }
    }
  }

  /**
   * When memory is short, the last that came make room, and are continued later as if nothing was.
   */
  @Test
  void aCrowdThatDoesNotFitTakesTurns() {
    List<String> requests =
        IntStream.range(0, 6)
            .mapToObj(i ->
                completion(
                    "Number " + i + " says that",
                    ",\"max_tokens\":300,\"temperature\":0,\"ignore_eos\":true"))
            .toList();
    long memory;
    try (Checkpoint checkpoint = Sources.open(Served.MODEL)) {
      memory = ServedModel.bytes(checkpoint) + 4_300_000; // one whole context
    }
    try (Served small = new Served(Served.settings(6, 64, memory, Duration.ofSeconds(60)));
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      List<CompletableFuture<JsonNode>> crowd =
          requests.stream()
              .map(request ->
                  CompletableFuture.supplyAsync(() -> small.ask(COMPLETIONS, request), threads))
              .toList();
      for (int i = 0; i < requests.size(); i++) {
        JsonNode found = crowd.get(i).join();
        assertThat(found.path("usage").path("completion_tokens").intValue()).isEqualTo(300);
        // far into a text, rounding may decide between two tokens
        assertThat(begin(found)).isEqualTo(begin(served.ask(COMPLETIONS, requests.get(i))));
      }
      assertThat(small.metric("phial_preempted_total")).isPositive();
      assertThat(small.metric("phial_cache_bytes")).isLessThanOrEqualTo(4_300_000);
    }
  }

  private static String begin(JsonNode answer) {
    return answer.path("choices").get(0).path("text").stringValue().substring(0, 60);
  }

  private static List<Double> numbers(JsonNode list) {
    List<Double> numbers = new ArrayList<>();
    list.forEach(number -> numbers.add(number.asDouble(Double.NaN)));
    return numbers;
  }

  @Test
  void knowsWhatItHasRead() {
    String request = completion("once upon a time, ".repeat(12), ",\"max_tokens\":4");
    JsonNode first = served.ask(COMPLETIONS, request);
    JsonNode second = served.ask(COMPLETIONS, request);
    int prompt = first.path("usage").path("prompt_tokens").intValue();
    assertThat(cached(first)).isLessThan(16);
    assertThat(cached(second)).isEqualTo(prompt - 1);
    assertThat(second.path("choices")).isEqualTo(first.path("choices"));
  }

  private static int cached(JsonNode answer) {
    return answer.path("usage").path("prompt_tokens_details").path("cached_tokens").intValue();
  }

  /** The scores of a prompt are those that its tokens had when they were generated. */
  @Test
  void scoresAPromptAsItWasGenerated() {
    JsonNode made =
        served
            .ask(
                COMPLETIONS,
                completion("O my", ",\"max_tokens\":20,\"temperature\":0,\"logprobs\":3"))
            .path("choices")
            .get(0);
    String text = ("O my" + made.path("text").stringValue()).replace("\n", "\\n");
    JsonNode read =
        served
            .ask(COMPLETIONS, completion(text, ",\"max_tokens\":0,\"echo\":true,\"logprobs\":3"))
            .path("choices")
            .get(0);
    assertThat(read.path("text").stringValue()).isEqualTo(text.replace("\\n", "\n"));
    JsonNode scores = read.path("logprobs");
    assertThat(scores.path("token_logprobs").get(0).isNull()).isTrue();
    List<Double> expected = numbers(made.path("logprobs").path("token_logprobs"));
    List<Double> found = numbers(scores.path("token_logprobs"));
    List<Double> last = found.subList(found.size() - expected.size(), found.size());
    for (int i = 0; i < expected.size(); i++) {
      assertThat(last.get(i)).isCloseTo(expected.get(i), within(5e-3));
    }
    StringBuilder together = new StringBuilder();
    for (int i = 0; i < scores.path("tokens").size(); i++) {
      assertThat(scores.path("text_offset").get(i).intValue()).isEqualTo(together.length());
      together.append(scores.path("tokens").get(i).stringValue());
    }
    assertThat(together).hasToString(text.replace("\\n", "\n"));
  }

  @Test
  void endsBeforeAStopString() {
    String text =
        served
            .ask(
                COMPLETIONS,
                completion("What is", ",\"max_tokens\":24,\"temperature\":0,\"logprobs\":0"))
            .path("choices")
            .get(0)
            .path("text")
            .stringValue();
    String stop = text.substring(8, 11);
    JsonNode cut =
        served
            .ask(
                COMPLETIONS,
                completion(
                    "What is",
                    ",\"max_tokens\":24,\"temperature\":0,\"logprobs\":0,\"stop\":[\"%s\"]"
                        .formatted(stop.replace("\n", "\\n"))))
            .path("choices")
            .get(0);
    assertThat(cut.path("text").stringValue()).isEqualTo(text.substring(0, text.indexOf(stop)));
    assertThat(cut.path("finish_reason").stringValue()).isEqualTo("stop");
    StringBuilder tokens = new StringBuilder();
    cut.path("logprobs").path("tokens").forEach(token -> tokens.append(token.stringValue()));
    assertThat(tokens.toString()).startsWith(cut.path("text").stringValue());
  }

  /** The model knows Shakespeare, and no JSON at all: what comes is JSON all the same. */
  @Test
  void writesTheJsonThatWasAskedFor() {
    String schema =
        """
        {"type": "object", "additionalProperties": false, "required": ["name", "age", "loves"], "properties": {
          "name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"},
          "loves": {"type": "array", "maxItems": 3, "items": {"enum": ["war", "peace"]}}}}\
        """;
    String format =
        ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"king\",\"strict\":true,\"schema\":"
            + schema
            + "}}";
    for (int seed = 0; seed < 8; seed++) {
      JsonNode choice =
          served
              .ask(
                  CHAT,
                  chat(
                      "Who is there?",
                      ",\"temperature\":1,\"max_tokens\":600,\"seed\":" + seed + format))
              .path("choices")
              .get(0);
      String text = choice.path("message").path("content").stringValue();
      assertThat(choice.path("finish_reason").stringValue()).as(text).isEqualTo("stop");
      JsonNode king = Served.json(text);
      assertThat(king.propertyNames()).containsExactly("name", "age", "loves");
      assertThat(king.path("name").stringValue()).hasSizeLessThanOrEqualTo(12);
      assertThat(king.path("age").isIntegralNumber()).isTrue();
      assertThat(king.path("loves").size()).isLessThanOrEqualTo(3);
      king.path("loves").forEach(each -> assertThat(each.stringValue()).isIn("war", "peace"));
    }
    // any object may go on for long; as far as it comes, it is the beginning of one
    JsonNode any =
        served
            .ask(
                CHAT,
                chat(
                    "Who is there?",
                    ",\"temperature\":1,\"max_tokens\":60,\"seed\":3,\"response_format\":{\"type\":\"json_object\"}"))
            .path("choices")
            .get(0);
    String text = any.path("message").path("content").stringValue();
    assertThat(JsonText.of(Schema.OBJECT).with(text)).as(text).isPresent();
  }

  @Test
  void biasDecides() {
    String body =
        completion(
            "What is",
            ",\"max_tokens\":3,\"temperature\":0,\"ignore_eos\":true,\"logit_bias\":{\"300\":100}");
    JsonNode answer = served.ask(COMPLETIONS, body);
    JsonNode other = served.ask(COMPLETIONS, body.replace("100}", "-100}"));
    String token =
        served
            .ask(
                COMPLETIONS, "{\"model\":\"tiny\",\"prompt\":[300],\"max_tokens\":0,\"echo\":true}")
            .path("choices")
            .get(0)
            .path("text")
            .stringValue();
    assertThat(answer.path("choices").get(0).path("text").stringValue())
        .contains(token.strip().repeat(3));
    assertThat(other.path("choices")).isNotEqualTo(answer.path("choices"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "/v1/chat/completions | {} | 400 | model | ",
        "/v1/chat/completions | {\"model\":\"none\"} | 404 | model | model_not_found",
        "/v1/chat/completions | {\"model\":\"tiny\"} | 400 | messages | ",
        "/v1/chat/completions | {\"model\":\"tiny\",\"messages\":[]} | 400 | messages | ",
        "/v1/chat/completions | {\"model\":\"tiny\",\"messages\":[{\"role\":\"king\",\"content\":\"\"}]} | 400 | messages[0].role | ",
        "/v1/chat/completions | {\"model\":\"tiny\",\"messages\":[{\"role\":\"user\"}]} | 400 | messages[0].content | ",
        "/v1/chat/completions | {\"model\":\"tiny\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]} | 400 | messages[0].content | unsupported_parameter",
        "/v1/chat/completions | {\"model\":\"tiny\",\"messages\":[{\"role\":\"user\",\"content\":\"\"}],\"colour\":1} | 400 | colour | unknown_parameter",
        "/v1/chat/completions | {\"model\":\"tiny\",\"response_format\":{\"type\":\"json_schema\"}} | 400 | response_format | unsupported_parameter",
        "/v1/chat/completions | {\"model\":\"tiny\",\"response_format\":{\"type\":\"xml\"}} | 400 | response_format | ",
        "/v1/chat/completions | {\"model\":\"tiny\",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]} | 400 | tools | unsupported_parameter",
        "/v1/chat/completions | {\"model\":\"tiny\",\"messages\":[{\"role\":\"user\",\"content\":\"\"}],\"tools\":\"x\"} | 400 | tools | ",
        "/v1/chat/completions | {\"model\":\"tiny\",\"messages\":[{\"role\":\"assistant\",\"tool_calls\":\"x\"}]} | 400 | messages[0].tool_calls | ",
        "/v1/completions | {\"model\":\"tiny\"} | 400 | prompt | ",
        "/v1/completions | {\"model\":\"tiny\",\"prompt\":[-1]} | 400 | prompt | ",
        "/v1/completions | {\"model\":\"tiny\",\"prompt\":[2064]} | 400 | prompt | ",
        "/v1/completions | {\"model\":\"tiny\",\"prompt\":[]} | 400 | prompt | ",
        "/v1/completions | {\"model\":\"tiny\",\"prompt\":[[]]} | 400 | prompt | ",
        "/v1/completions | {\"model\":\"tiny\",\"prompt\":{}} | 400 | prompt | ",
        "/v1/completions | {\"model\":\"tiny\",\"prompt\":\"a\",\"temperature\":3} | 400 | temperature | ",
        "/v1/completions | {\"model\":\"tiny\",\"prompt\":\"a\",\"temperature\":\"hot\"} | 400 | temperature | ",
        "/v1/completions | {\"model\":\"tiny\",\"prompt\":\"a\",\"temperature\":NaN} | 400 | temperature | ",
        "/v1/completions | {\"model\":\"tiny\",\"prompt\":\"a\",\"max_tokens\":99999} | 400 | max_tokens | ",
        "/v1/completions | {\"model\":\"tiny\",\"prompt\":\"a\",\"n\":0} | 400 | n | ",
        "/v1/completions | {\"model\":\"tiny\",\"prompt\":\"a\",\"stop\":[\"\"]} | 400 | stop | ",
        "/v1/completions | {\"model\":\"tiny\",\"prompt\":\"a\",\"logit_bias\":{\"9999\":1}} | 400 | logit_bias | ",
        "/v1/completions | {\"model\":\"tiny\",\"prompt\":\"a\",\"suffix\":\"b\"} | 400 | suffix | unsupported_parameter",
        "/v1/completions | {\"model\":\"tiny\",\"prompt\":\"a\",\"best_of\":2} | 400 | best_of | unsupported_parameter",
        "/v1/completions | {\"model\":\"tiny\",\"prompt\":\"a\",\"stream_options\":{}} | 400 | stream_options | ",
        "/v1/completions | {\"model\": | 400 | | ",
        "/v1/completions | [] | 400 | | ",
        "/v1/nonsense | {} | 404 | | unknown_url",
        "/v1/models | {} | 405 | | method_not_allowed",
      })
  void refusesInTheShapeOfOpenAi(
      String path, String body, int status, String parameter, String code) {
    HttpResponse<String> response = served.post(path, body);
    assertThat(response.statusCode()).as(response.body()).isEqualTo(status);
    JsonNode error = Served.json(response.body()).path("error");
    assertThat(error.path("message").stringValue())
        .isNotBlank()
        .doesNotContain(Served.MODEL.toString());
    assertThat(error.path("type").stringValue()).isEqualTo("invalid_request_error");
    assertThat(error.path("param").asString("")).isEqualTo(parameter == null ? "" : parameter);
    assertThat(error.path("code").asString("")).isEqualTo(code == null ? "" : code);
  }

  @Test
  void refusesWhatIsTooLong() {
    HttpResponse<String> large = served.post(COMPLETIONS, completion("a".repeat(1 << 20), ""));
    assertThat(large.statusCode()).isEqualTo(413);
    HttpResponse<String> words = served.post(COMPLETIONS, completion("king ".repeat(2000), ""));
    assertThat(words.statusCode()).isEqualTo(400);
    assertThat(Served.json(words.body()).path("error").path("code").stringValue())
        .isEqualTo("context_length_exceeded");
    String nested = "[".repeat(5000);
    assertThat(served.post(COMPLETIONS, nested).statusCode()).isEqualTo(400);
    assertThat(served.post(COMPLETIONS, "").statusCode()).isEqualTo(400);
  }

  @Test
  void refusesOtherTypesAndOtherSites() {
    HttpRequest.BodyPublisher body =
        HttpRequest.BodyPublishers.ofString(completion("a", ",\"max_tokens\":1"));
    assertThat(served.send(served.request(COMPLETIONS).POST(body)).statusCode()).isEqualTo(415);
    HttpRequest.Builder json =
        served.request(COMPLETIONS).header("Content-Type", "application/json").POST(body);
    assertThat(served.send(json.copy().header("Origin", "http://evil.example")).statusCode())
        .isEqualTo(403);
    assertThat(served.send(json.copy().header("Sec-Fetch-Site", "cross-site")).statusCode())
        .isEqualTo(403);
    String own = "http://127.0.0.1:" + served.port();
    assertThat(served.send(json.copy().header("Origin", own)).statusCode()).isEqualTo(200);
  }

  @ParameterizedTest
  @CsvSource({
    "localhost, 200",
    "127.0.0.1, 200",
    "[::1], 200",
    "evil.example, 403",
    "127.0.0.1.evil.example, 403",
    "'', 403"
  })
  void answersToItsOwnNameOnly(String host, int status) throws IOException {
    String port = host.isEmpty() ? "" : ":" + served.port();
    assertThat(raw("GET /health HTTP/1.1\r\nHost: " + host + port + "\r\n\r\n"))
        .startsWith("HTTP/1.1 " + status + " ");
    assertThat(raw("GET /health HTTP/1.1\r\n\r\n")).startsWith("HTTP/1.1 400 ");
  }

  private String raw(String request) throws IOException {
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), served.port())) {
      socket.getOutputStream().write(request.getBytes(StandardCharsets.US_ASCII));
      byte[] answer = new byte[4096];
      int count = socket.getInputStream().read(answer);
      return new String(answer, 0, Math.max(0, count), StandardCharsets.UTF_8);
    }
  }

  @Test
  void wantsTheKey() {
    try (Served locked = new Served(Served.settings("secret"))) {
      assertThat(locked.get("/health").statusCode()).isEqualTo(200);
      assertThat(locked.get("/v1/models").statusCode()).isEqualTo(401);
      assertThat(locked.get("/metrics").statusCode()).isEqualTo(401);
      HttpRequest.Builder request = locked.request("/v1/models");
      assertThat(locked.send(request.copy().header("Authorization", "Bearer secre")).statusCode())
          .isEqualTo(401);
      assertThat(locked.send(request.copy().header("Authorization", "Bearer secret")).statusCode())
          .isEqualTo(200);
    }
  }

  @Test
  void aClientThatGoesAwayEndsItsText() throws Exception {
    double before = served.metric("phial_clients_gone_total");
    String body =
        completion("a", ",\"max_tokens\":1000,\"ignore_eos\":true,\"stream\":true,\"n\":4");
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), served.port())) {
      socket
          .getOutputStream()
          .write(
              "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                  .formatted(COMPLETIONS, body.length(), body)
                  .getBytes(StandardCharsets.US_ASCII));
      assertThat(socket.getInputStream().read(new byte[2000])).isPositive();
    }
    await(() -> served.metric("phial_clients_gone_total") > before);
    await(() -> served.metric("phial_texts_active{model=\"tiny\"}") == 0);
  }

  private static void await(BooleanSupplier condition) throws InterruptedException {
    for (int i = 0; i < 1000 && !condition.getAsBoolean(); i++) {
      Thread.sleep(20);
    }
    assertThat(condition.getAsBoolean()).isTrue();
  }

  @Test
  void refusesWhenTooManyWait() throws Exception {
    try (Served busy = new Served(Served.settings(1, 2, 256_000_000, Duration.ofSeconds(60)));
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      String body = completion("a", ",\"max_tokens\":200,\"ignore_eos\":true");
      List<CompletableFuture<Integer>> statuses =
          IntStream.range(0, 12)
              .mapToObj(_ ->
                  CompletableFuture.supplyAsync(
                      () -> busy.post(COMPLETIONS, body).statusCode(), threads))
              .toList();
      assertThat(statuses.stream().map(CompletableFuture::join).toList())
          .containsOnly(200, 503)
          .contains(200, 503);
      assertThat(busy.metric("phial_requests_refused_total")).isPositive();
      assertThat(busy.ask(COMPLETIONS, completion("a", "")).path("choices")).hasSize(1);
    }
  }

  @Test
  void endsWhatTakesTooLong() {
    try (Served hasty = new Served(Served.settings(1, 64, 256_000_000, Duration.ofMillis(400)))) {
      JsonNode answer =
          hasty.ask(COMPLETIONS, completion("a", ",\"max_tokens\":1000,\"ignore_eos\":true"));
      assertThat(answer.path("choices").get(0).path("finish_reason").stringValue())
          .isEqualTo("length");
      assertThat(answer.path("usage").path("completion_tokens").intValue()).isBetween(1, 999);
    }
  }

  @Test
  void tellsThoseWhoWaitThatItEnds() throws Exception {
    Served ending = new Served(Served.settings());
    CompletableFuture<HttpResponse<String>> answer =
        CompletableFuture.supplyAsync(() ->
            ending.post(COMPLETIONS, completion("a", ",\"max_tokens\":1000,\"ignore_eos\":true")));
    await(() -> ending.metric("phial_texts_active{model=\"tiny\"}") == 1);
    ending.close();
    assertThat(answer.join().statusCode()).isIn(200, 503);
  }

  @Test
  void tellsBeforeThatAModelDoesNotFit() {
    assertThatThrownBy(() -> new Served(Served.settings(8, 8, 5_000_000, Duration.ofSeconds(1))))
        .isInstanceOf(PhialException.Unsupported.class)
        .hasMessageContaining("tiny: expected weights of at most 5.00 MB");
  }

  @Test
  void isNotOpenToTheNetworkWithoutAKey() {
    ServerSettings usual = Served.settings();
    ServerSettings open =
        new ServerSettings(
            "0.0.0.0",
            0,
            usual.key(),
            usual.names(),
            usual.body(),
            usual.parallel(),
            usual.queue(),
            usual.most(),
            usual.context(),
            usual.memory(),
            usual.time(),
            usual.threads());
    assertThatThrownBy(() -> Server.start(open, Map.of()))
        .isInstanceOf(PhialException.Usage.class)
        .hasMessageContaining("PHIAL_API_KEY");
  }
}

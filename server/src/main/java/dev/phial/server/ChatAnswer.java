package dev.phial.server;

import dev.phial.engine.sample.StopStrings;
import dev.phial.server.Event.Finish;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What {@code /v1/chat/completions} answers. */
final class ChatAnswer implements Answer {
  private final Head head;
  private final Optional<Tools> tools;
  private final boolean tellsScores;
  private final List<Choice> choices;

  /**
   * @param choices how many answers there are
   * @param tellsScores whether probabilities of tokens are told
   */
  ChatAnswer(Head head, Optional<Tools> tools, int choices, boolean tellsScores) {
    this.head = head;
    this.tools = tools;
    this.tellsScores = tellsScores;
    this.choices = IntStream.range(0, choices).mapToObj(_ -> new Choice()).toList();
  }

  /** One answer. */
  private final class Choice {
    private final StringBuilder text = new StringBuilder();
    private final StopStrings calls = new StopStrings(Tools.beginnings()); // where they may begin
    private final List<TokenScore> scores = new ArrayList<>();
    private List<Tools.Use> uses = List.of();
    private int shown; // characters that are no call
    private String finish = "stop";

    /** Takes more text and returns what is certain to be no call of a tool. */
    String add(String more) {
      text.append(more);
      String certain = tools.isPresent() ? calls.add(more) : more;
      shown += certain.length();
      return certain;
    }

    /** At the end: calls of tools, or else the text that looked like one. */
    String end(Finish why) {
      finish = why == Finish.STOP ? "stop" : "length";
      String rest = text.substring(shown);
      if (calls.isReached()) {
        uses = tools.orElseThrow().parse(rest).orElse(List.of());
        if (!uses.isEmpty()) {
          finish = "tool_calls";
          return "";
        }
      }
      shown = text.length();
      return rest;
    }

    String content() {
      return text.substring(0, shown);
    }
  }

  @Override
  public List<ObjectNode> begin() {
    return IntStream.range(0, choices.size())
        .mapToObj(index -> {
          ObjectNode chunk = head.chunk("chat.completion.chunk");
          delta(chunk, index).put("role", "assistant").put("content", "");
          return chunk;
        })
        .toList();
  }

  @Override
  public List<ObjectNode> take(Event event) {
    Choice choice = choices.get(event.index());
    return switch (event) {
      case Event.Piece piece -> {
        choice.scores.addAll(piece.scores());
        String certain = choice.add(piece.text());
        yield certain.isEmpty() && piece.scores().isEmpty()
            ? List.of()
            : List.of(text(event.index(), certain, piece.scores()));
      }
      case Event.End end -> end(choice, end);
      default -> List.of();
    };
  }

  private List<ObjectNode> end(Choice choice, Event.End end) {
    List<ObjectNode> chunks = new ArrayList<>();
    String rest = choice.end(end.finish());
    if (!rest.isEmpty()) {
      chunks.add(text(end.index(), rest, List.of()));
    }
    if (!choice.uses.isEmpty()) {
      ObjectNode chunk = head.chunk("chat.completion.chunk");
      calls(delta(chunk, end.index()), choice.uses, true);
      chunks.add(chunk);
    }
    ObjectNode last = head.chunk("chat.completion.chunk");
    delta(last, end.index());
    ((ObjectNode) last.path("choices").get(0)).put("finish_reason", choice.finish);
    chunks.add(last);
    return chunks;
  }

  private ObjectNode text(int index, String text, List<TokenScore> scores) {
    ObjectNode chunk = head.chunk("chat.completion.chunk");
    delta(chunk, index).put("content", text);
    if (tellsScores) {
      scores((ObjectNode) chunk.path("choices").get(0), scores);
    }
    return chunk;
  }

  private static ObjectNode delta(ObjectNode chunk, int index) {
    ObjectNode choice = chunk.putArray("choices").addObject().put("index", index);
    ObjectNode delta = choice.putObject("delta");
    choice.putNull("logprobs").putNull("finish_reason");
    return delta;
  }

  private void calls(ObjectNode message, List<Tools.Use> uses, boolean numbered) {
    ArrayNode calls = message.putArray("tool_calls");
    for (int i = 0; i < uses.size(); i++) {
      ObjectNode call = calls.addObject();
      if (numbered) {
        call.put("index", i);
      }
      call.put("id", Head.random("call_")).put("type", "function");
      call.putObject("function")
          .put("name", uses.get(i).name())
          .put("arguments", uses.get(i).arguments());
    }
  }

  private static void scores(ObjectNode choice, List<TokenScore> scores) {
    ArrayNode content = choice.putObject("logprobs").putNull("refusal").putArray("content");
    for (TokenScore score : scores) {
      ObjectNode token = token(content, score.text(), score.logprob());
      ArrayNode best = token.putArray("top_logprobs");
      score.best().forEach(other -> token(best, other.text(), other.logprob()));
    }
  }

  private static ObjectNode token(ArrayNode list, String text, double logprob) {
    ObjectNode token = list.addObject().put("token", text).put("logprob", logprob);
    if (text.indexOf('\uFFFD') >= 0) { // a part of a character has no text, and its bytes are lost
      return token.putNull("bytes");
    }
    ArrayNode bytes = token.putArray("bytes");
    for (byte each : text.getBytes(StandardCharsets.UTF_8)) {
      bytes.add(each & 0xFF);
    }
    return token;
  }

  @Override
  public ObjectNode usage(Usage usage) {
    ObjectNode chunk = head.chunk("chat.completion.chunk");
    chunk.putArray("choices");
    chunk.set("usage", usage.json());
    return chunk;
  }

  @Override
  public ObjectNode whole(Usage usage) {
    ObjectNode json = head.of("chat.completion");
    ArrayNode list = json.putArray("choices");
    for (int index = 0; index < choices.size(); index++) {
      Choice choice = choices.get(index);
      ObjectNode entry = list.addObject().put("index", index);
      ObjectNode message = entry.putObject("message").put("role", "assistant");
      if (choice.uses.isEmpty() || !choice.content().isBlank()) {
        message.put("content", choice.content());
      } else {
        message.putNull("content");
      }
      message.putNull("refusal");
      if (!choice.uses.isEmpty()) {
        calls(message, choice.uses, false);
      }
      if (tellsScores) {
        scores(entry, choice.scores);
      } else {
        entry.putNull("logprobs");
      }
      entry.put("finish_reason", choice.finish);
    }
    json.set("usage", usage.json());
    return json;
  }
}

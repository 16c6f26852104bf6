package dev.phial.server;

import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.server.Event.Finish;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What {@code /v1/completions} answers. */
final class CompletionAnswer implements Answer {
  private static final String OBJECT = "text_completion";

  private final Head head;
  private final CompletionRequest request;
  private final Tokenizer tokenizer;
  private final List<Choice> choices;

  /**
   * @param each continuations of a prompt
   */
  CompletionAnswer(Head head, CompletionRequest request, Tokenizer tokenizer, int each) {
    this.head = head;
    this.request = request;
    this.tokenizer = tokenizer;
    this.choices =
        IntStream.range(0, request.prompts().size() * each)
            .mapToObj(i -> new Choice(request.prompts().get(i / each), request))
            .toList();
  }

  /** One continuation. */
  private static final class Choice {
    private final Prompt prompt;
    private final StringBuilder text = new StringBuilder();
    private final List<Optional<TokenScore>> scores = new ArrayList<>();
    private final int first; // offset of the first token that is told
    private int offset; // of the next token that is told
    private String finish = "stop";

    Choice(Prompt prompt, CompletionRequest request) {
      this.prompt = prompt;
      if (request.echo()) {
        text.append(prompt.text());
      }
      first = request.how().scoresPrompt() ? 0 : text.length();
      offset = first;
    }
  }

  @Override
  public List<ObjectNode> begin() {
    if (!request.echo() || request.how().scoresPrompt()) {
      return List.of();
    }
    return IntStream.range(0, choices.size())
        .mapToObj(index -> chunk(index, choices.get(index).prompt.text(), List.of()))
        .toList();
  }

  @Override
  public List<ObjectNode> take(Event event) {
    Choice choice = choices.get(event.index());
    return switch (event) {
      case Event.Prompt prompt -> {
        List<Optional<TokenScore>> told = ofPrompt(choice.prompt, prompt.scores());
        choice.scores.addAll(told);
        yield List.of(chunk(event.index(), choice.prompt.text(), told));
      }
      case Event.Piece piece -> {
        choice.text.append(piece.text());
        List<Optional<TokenScore>> told = piece.scores().stream().map(Optional::of).toList();
        choice.scores.addAll(told);
        yield List.of(chunk(event.index(), piece.text(), told));
      }
      case Event.End end -> {
        choice.finish = end.finish() == Finish.STOP ? "stop" : "length";
        ObjectNode chunk = chunk(event.index(), "", List.of());
        ((ObjectNode) chunk.path("choices").get(0)).put("finish_reason", choice.finish);
        yield List.of(chunk);
      }
      case Event.Failure _ -> List.of();
    };
  }

  /** The first token of a text has nothing before it, and no score; what was added is not told. */
  private static List<Optional<TokenScore>> ofPrompt(Prompt prompt, List<TokenScore> scores) {
    List<Optional<TokenScore>> told = new ArrayList<>();
    if (prompt.added() == 0) {
      told.add(Optional.empty());
    }
    scores.subList(Math.max(0, prompt.added() - 1), scores.size()).stream()
        .map(Optional::of)
        .forEach(told::add);
    return told;
  }

  private ObjectNode chunk(int index, String text, List<Optional<TokenScore>> scores) {
    ObjectNode chunk = head.chunk(OBJECT);
    ObjectNode entry = chunk.putArray("choices").addObject().put("text", text).put("index", index);
    entry.putNull("logprobs").putNull("finish_reason");
    if (request.how().tellsScores() && !scores.isEmpty()) {
      Choice choice = choices.get(index);
      choice.offset = scores(entry, choice, scores, choice.offset);
    }
    return chunk;
  }

  /**
   * Tells how probable tokens are.
   *
   * @param offset of the first token in the text
   * @return the offset after the last one
   */
  private int scores(
      ObjectNode entry, Choice choice, List<Optional<TokenScore>> scores, int offset) {
    ObjectNode json = entry.putObject("logprobs");
    ArrayNode tokens = json.putArray("tokens");
    ArrayNode logprobs = json.putArray("token_logprobs");
    ArrayNode best = json.putArray("top_logprobs");
    ArrayNode offsets = json.putArray("text_offset");
    int at = offset;
    for (Optional<TokenScore> score : scores) {
      String text =
          score.map(TokenScore::text).orElseGet(() -> tokenizer.decode(choice.prompt.ids()[0]));
      tokens.add(text);
      offsets.add(at);
      at += text.length();
      if (score.isEmpty()) {
        logprobs.addNull();
        best.addNull();
        continue;
      }
      logprobs.add(score.get().logprob());
      ObjectNode others = best.addObject();
      for (TokenScore.Alternative other : score.get().best()) {
        if (!others.has(other.text())) { // several tokens may have one text
          others.put(other.text(), other.logprob());
        }
      }
    }
    return at;
  }

  @Override
  public ObjectNode usage(Usage usage) {
    ObjectNode chunk = head.chunk(OBJECT);
    chunk.putArray("choices");
    chunk.set("usage", usage.json());
    return chunk;
  }

  @Override
  public ObjectNode whole(Usage usage) {
    ObjectNode json = head.of(OBJECT);
    ArrayNode list = json.putArray("choices");
    for (int index = 0; index < choices.size(); index++) {
      Choice choice = choices.get(index);
      ObjectNode entry = list.addObject().put("text", choice.text.toString()).put("index", index);
      if (request.how().tellsScores()) {
        scores(entry, choice, choice.scores, choice.first);
      } else {
        entry.putNull("logprobs");
      }
      entry.put("finish_reason", choice.finish);
    }
    json.set("usage", usage.json());
    return json;
  }
}

package dev.phial.server;

import dev.phial.server.Event.Finish;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.node.ObjectNode;

/**
 * Has prompts continued and sends what comes. A client that goes away is noticed by what is written
 * to it: while there is nothing to say, blanks are, which neither JSON nor a stream of events
 * minds.
 */
final class Responder {
  /** From one sign of life to the next. */
  private static final Duration SILENCE = Duration.ofSeconds(1);

  /** How long an answer that is no stream may take before its status is said. */
  private static final int PATIENCE = 3; // silences

  private static final byte[] BLANK = {'\n'};
  private static final byte[] COMMENT = ": wait\n\n".getBytes(StandardCharsets.US_ASCII);

  private final ServedModel model;
  private final Metrics metrics;
  private final long start = System.nanoTime();
  private final Duration time;
  private final List<Prompt> prompts;
  private final List<Sequence> sequences = new ArrayList<>();
  private final BlockingQueue<Event> events = new LinkedBlockingQueue<>();
  private int open;
  private int generated;
  private int cached;
  private boolean hasText;

  /**
   * @param choices continuations of each prompt
   */
  Responder(
      ServedModel model,
      Metrics metrics,
      Duration time,
      List<Prompt> prompts,
      int choices,
      Continuation how) {
    this.model = model;
    this.metrics = metrics;
    this.time = time;
    this.prompts = prompts;
    for (int i = 0; i < prompts.size() * choices; i++) {
      sequences.add(
          new Sequence(
              i,
              prompts.get(i / choices).ids(),
              how,
              model.tokenizer(),
              model.context(),
              start + time.toNanos(),
              events::add));
    }
    this.open = sequences.size();
  }

  /**
   * Sends a stream of events.
   *
   * @param usage whether the last one tells of tokens
   * @throws IOException if the client has gone
   */
  void stream(Call call, Answer answer, boolean usage) throws IOException {
    model.submit(sequences);
    try (OutputStream out = call.stream("text/event-stream; charset=utf-8")) {
      try {
        send(out, answer.begin());
        while (open > 0) {
          Event event = next();
          if (event == null) {
            out.write(COMMENT);
          } else {
            send(out, answer.take(event));
          }
          if (events.isEmpty()) { // otherwise the next is sent along
            out.flush();
          }
        }
        if (usage) {
          send(out, List.of(answer.usage(usage())));
        }
        out.write("data: [DONE]\n\n".getBytes(StandardCharsets.US_ASCII));
      } catch (ApiError e) {
        send(out, List.of(e.json()));
      }
    } catch (IOException e) {
      metrics.gone();
      throw e;
    } finally {
      sequences.forEach(Sequence::cancel);
    }
  }

  private static void send(OutputStream out, List<ObjectNode> data) throws IOException {
    for (ObjectNode each : data) {
      out.write(("data: " + each + "\n\n").getBytes(StandardCharsets.UTF_8));
    }
  }

  /**
   * Sends all at once.
   *
   * @throws ApiError if there is no answer
   * @throws IOException if the client has gone
   */
  void whole(Call call, Answer answer) throws IOException {
    model.submit(sequences);
    OutputStream out = null;
    try {
      int silences = 0;
      while (open > 0) {
        Event event = next();
        if (event != null) {
          answer.take(event);
        }
        if ((System.nanoTime() - start) / SILENCE.toNanos() > silences) {
          silences++;
          if (silences >= PATIENCE) {
            out = out == null ? call.stream("application/json") : out;
            out.write(BLANK);
            out.flush();
          }
        }
      }
      finish(call, out, answer.whole(usage()));
    } catch (ApiError e) {
      if (out == null) {
        throw e;
      }
      finish(call, out, e.json()); // the status is said already
    } catch (IOException e) {
      metrics.gone();
      throw e;
    } finally {
      sequences.forEach(Sequence::cancel);
    }
  }

  private static void finish(Call call, @Nullable OutputStream out, ObjectNode json)
      throws IOException {
    if (out == null) {
      call.json(200, json);
    } else {
      try (out) {
        out.write(json.toString().getBytes(StandardCharsets.UTF_8));
      }
    }
  }

  /**
   * What happens next, or null if it is nothing for a while.
   *
   * @throws ApiError if a text fails, and with it the request
   */
  private @Nullable Event next() {
    Event event;
    try {
      event = events.poll(SILENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw ApiError.unavailable("the server is shutting down");
    }
    switch (event) {
      case Event.Piece _ when !hasText -> {
        hasText = true;
        metrics.first(System.nanoTime() - start);
      }
      case Event.Failure failure ->
          throw ApiError.failed(model.tell(failure.cause()), failure.cause());
      case Event.End end -> end(end);
      case null -> {
        if (System.nanoTime() - start > time.plus(SILENCE.multipliedBy(2)).toNanos() && !hasText) {
          throw late(); // it waits still, and the scheduler is in a long pass
        }
      }
      default -> {}
    }
    return event;
  }

  private void end(Event.End end) {
    open--;
    generated += end.generated();
    cached += end.index() % (sequences.size() / prompts.size()) == 0 ? end.cached() : 0;
    if (end.finish() == Finish.CLOSED) {
      throw ApiError.unavailable("the server is shutting down");
    } else if (end.finish() == Finish.TIME && end.generated() == 0) {
      throw late();
    }
  }

  private ApiError late() {
    return ApiError.unavailable("no answer within %d s".formatted(time.toSeconds()));
  }

  private Usage usage() {
    return new Usage(
        prompts.stream().mapToInt(prompt -> prompt.ids().length).sum(), cached, generated);
  }
}

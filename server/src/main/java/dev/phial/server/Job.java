package dev.phial.server;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.io.Progress;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Long work that a page started: what it is, how far it is, what came of it. */
final class Job implements Progress {
  /** What is done. */
  enum Kind {
    /** A model is written for a runtime. */
    CONVERT,
    /** What types of a model lose is measured. */
    MEASURE
  }

  /** How it is. */
  enum State {
    QUEUED,
    RUNNING,
    DONE,
    FAILED,
    CANCELLED,
    /** The server ended before it did. */
    INTERRUPTED;

    boolean isOver() {
      return this != QUEUED && this != RUNNING;
    }
  }

  /** What is said sooner about the time that is left is far off. */
  private static final long FIRST_ESTIMATE = 1_000_000_000;

  private final String id;
  private final Kind kind;
  private final String model;
  private final List<String> targets;
  private final int chunks;
  private final long created;
  private final ArrayNode results;
  private final List<String> outputs = new ArrayList<>();
  private final List<String> notes = new ArrayList<>();
  private State state = State.QUEUED;
  private String message = "";
  private String doing = "";
  private long done;
  private long total;
  private long began; // the stage, by System.nanoTime
  private boolean cancelled;

  /**
   * @param targets with their precisions, such as {@code gguf:Q4_K_M}
   * @param chunks of the text that are read to measure
   */
  Job(Kind kind, String model, List<String> targets, int chunks) {
    this(
        Head.random("job-"),
        kind,
        model,
        targets,
        chunks,
        System.currentTimeMillis(),
        Json.MAPPER.createArrayNode());
  }

  private Job(
      String id,
      Kind kind,
      String model,
      List<String> targets,
      int chunks,
      long created,
      ArrayNode results) {
    this.id = id;
    this.kind = kind;
    this.model = model;
    this.targets = List.copyOf(targets);
    this.chunks = chunks;
    this.created = created;
    this.results = results;
  }

  /** A job that was written down; one that was not over then is interrupted. */
  static Job of(JsonNode json) {
    List<String> targets = new ArrayList<>();
    json.path("targets").forEach(target -> targets.add(target.asString("")));
    Job job =
        new Job(
            json.path("id").asString(""),
            Kind.valueOf(json.path("kind").asString("").toUpperCase(Locale.ROOT)),
            json.path("model").asString(""),
            targets,
            json.path("chunks").asInt(1),
            json.path("created").asLong(0),
            json.path("results") instanceof ArrayNode results
                ? results
                : Json.MAPPER.createArrayNode());
    json.path("outputs").forEach(output -> job.outputs.add(output.asString("")));
    json.path("notes").forEach(note -> job.notes.add(note.asString("")));
    job.message = json.path("message").asString("");
    job.state = State.valueOf(json.path("state").asString("").toUpperCase(Locale.ROOT));
    if (!job.state.isOver()) {
      job.state = State.INTERRUPTED;
      job.message = "the server ended before this was done; nothing half-written is left";
    }
    return job;
  }

  String id() {
    return id;
  }

  Kind kind() {
    return kind;
  }

  String model() {
    return model;
  }

  List<String> targets() {
    return targets;
  }

  int chunks() {
    return chunks;
  }

  synchronized State state() {
    return state;
  }

  /** Wants it to end; where it is running, it does at the next piece of work. */
  synchronized void cancel() {
    cancelled = true;
    if (state == State.QUEUED) {
      state = State.CANCELLED;
    }
  }

  synchronized boolean isCancelled() {
    return cancelled;
  }

  synchronized void start() {
    state = State.RUNNING;
  }

  synchronized void end(State how, String why) {
    state = how;
    message = why;
    doing = "";
    total = 0;
  }

  /** Something that was measured. */
  synchronized void add(ObjectNode result) {
    results.add(result);
  }

  /** The mean divergence of each type that was measured. */
  synchronized Map<String, Double> losses() {
    Map<String, Double> losses = new HashMap<>();
    results.forEach(result ->
        losses.put(result.path("name").asString(""), result.path("kld_mean").asDouble(0)));
    return losses;
  }

  /** A model that was written, as the library calls it. */
  synchronized void addOutput(String name) {
    outputs.add(name);
  }

  synchronized void addNote(String note) {
    notes.add(note);
  }

  @Override
  public synchronized Stage begin(Unit unit, long amount) {
    done = 0;
    total = Math.max(1, amount);
    began = System.nanoTime();
    return this::advance;
  }

  private synchronized void advance(String what, long amount) {
    if (cancelled) {
      throw new PhialException.Unsupported("cancelled");
    }
    doing = what;
    done += amount;
  }

  /** All of it. */
  synchronized ObjectNode json() {
    ObjectNode json =
        Json.MAPPER
            .createObjectNode()
            .put("id", id)
            .put("kind", kind.name().toLowerCase(Locale.ROOT))
            .put("model", model)
            .put("chunks", chunks)
            .put("created", created)
            .put("state", state.name().toLowerCase(Locale.ROOT))
            .put("message", message);
    ArrayNode wanted = json.putArray("targets");
    targets.forEach(wanted::add);
    json.set("results", results.deepCopy());
    ArrayNode written = json.putArray("outputs");
    outputs.forEach(written::add);
    ArrayNode said = json.putArray("notes");
    notes.forEach(said::add);
    if (state == State.RUNNING && total > 0) {
      long nanos = System.nanoTime() - began;
      json.put("progress", Math.min(1.0, (double) done / total)).put("doing", doing);
      if (nanos >= FIRST_ESTIMATE && done > 0) {
        json.put("seconds_left", Math.max(0, (total - done) * (nanos / 1e9) / done));
      }
    }
    return json;
  }
}

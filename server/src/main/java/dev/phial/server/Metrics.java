package dev.phial.server;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.LongAdder;

/** What has been done since the start, as Prometheus reads it. */
final class Metrics {
  private final Map<Integer, LongAdder> responses = new ConcurrentHashMap<>(); // by status
  private final Map<Scheduler, Long> memory = new ConcurrentHashMap<>();
  private final LongAdder refused = new LongAdder();
  private final LongAdder gone = new LongAdder();
  private final LongAdder preempted = new LongAdder();
  private final LongAdder cached = new LongAdder();
  private final LongAdder passes = new LongAdder();
  private final LongAdder passedTokens = new LongAdder();
  private final LongAdder passedNanos = new LongAdder();
  private final LongAdder generated = new LongAdder();
  private final LongAdder firstNanos = new LongAdder();
  private final LongAdder firsts = new LongAdder();

  void responded(int status) {
    responses.computeIfAbsent(status, _ -> new LongAdder()).increment();
  }

  /** A text was refused because too many waited. */
  void refused() {
    refused.increment();
  }

  /** Nobody waited for an answer any more. */
  void gone() {
    gone.increment();
  }

  void preempted() {
    preempted.increment();
  }

  /** A text began, of which so many tokens were known. */
  void begun(int known) {
    cached.add(known);
  }

  /** Tokens went through a model together. */
  void passed(int tokens, long nanos) {
    passes.increment();
    passedTokens.add(tokens);
    passedNanos.add(nanos);
  }

  void generated(int tokens) {
    generated.add(tokens);
  }

  /** The first token of a text came so long after the request. */
  void first(long nanos) {
    firsts.increment();
    firstNanos.add(nanos);
  }

  /** Bytes that the keys and values of a model take now. */
  void memory(Scheduler scheduler, long bytes) {
    memory.put(scheduler, bytes);
  }

  /** All of it. */
  String text(List<ServedModel> models) {
    StringBuilder out = new StringBuilder();
    head(out, "phial_http_responses_total", "counter", "HTTP responses by status.");
    new TreeMap<>(responses)
        .forEach((status, count) ->
            line(out, "phial_http_responses_total{status=\"" + status + "\"}", count.sum()));
    counter(out, "phial_requests_refused_total", "Refused since too many waited.", refused);
    counter(out, "phial_clients_gone_total", "Clients that left before their answer.", gone);
    counter(out, "phial_prompt_tokens_cached_total", "Prompt tokens known already.", cached);
    counter(out, "phial_tokens_computed_total", "Tokens that went through a model.", passedTokens);
    counter(out, "phial_tokens_generated_total", "Tokens that models chose.", generated);
    counter(out, "phial_passes_total", "Passes through a model.", passes);
    seconds(out, "phial_pass_seconds_total", "Time that passes took.", passedNanos);
    counter(out, "phial_preempted_total", "Texts that made room for others.", preempted);
    head(out, "phial_first_token_seconds", "summary", "From a request to its first token.");
    line(out, "phial_first_token_seconds_sum", firstNanos.sum() / 1e9);
    line(out, "phial_first_token_seconds_count", firsts.sum());
    head(out, "phial_texts_active", "gauge", "Texts that are being continued.");
    models.forEach(model -> line(out, name("phial_texts_active", model), model.active()));
    head(out, "phial_texts_waiting", "gauge", "Texts that wait.");
    models.forEach(model -> line(out, name("phial_texts_waiting", model), model.waiting()));
    head(out, "phial_cache_bytes", "gauge", "Bytes that keys and values take.");
    line(out, "phial_cache_bytes", memory.values().stream().mapToLong(Long::longValue).sum());
    return out.toString();
  }

  private static String name(String metric, ServedModel model) {
    String label = model.id().replace("\\", "\\\\").replace("\"", "\\\"").replace("\n", "\\n");
    return "%s{model=\"%s\"}".formatted(metric, label);
  }

  private static void counter(StringBuilder out, String name, String help, LongAdder value) {
    head(out, name, "counter", help);
    line(out, name, value.sum());
  }

  private static void seconds(StringBuilder out, String name, String help, LongAdder nanos) {
    head(out, name, "counter", help);
    line(out, name, nanos.sum() / 1e9);
  }

  private static void head(StringBuilder out, String name, String type, String help) {
    out.append("# HELP ").append(name).append(' ').append(help).append('\n');
    out.append("# TYPE ").append(name).append(' ').append(type).append('\n');
  }

  private static void line(StringBuilder out, String name, long value) {
    out.append(name).append(' ').append(value).append('\n');
  }

  private static void line(StringBuilder out, String name, double value) {
    out.append(name).append(String.format(Locale.ROOT, " %.6f%n", value).replace("\r", ""));
  }
}

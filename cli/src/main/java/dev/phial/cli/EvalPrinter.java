package dev.phial.cli;

import dev.phial.engine.eval.Divergence;
import dev.phial.engine.eval.Measure;
import dev.phial.engine.eval.MultipleChoice;
import dev.phial.io.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Tells what an evaluation found: the columns, and JSON. */
final class EvalPrinter {
  private EvalPrinter() {}

  /** A column of the table, with what a reader should know about it. */
  record Column(String name, String explanation) {}

  static final List<Column> COLUMNS =
      List.of(
          new Column("model", ""),
          new Column("type", ""),
          new Column("size", "of the files that hold weights"),
          new Column("bits", "per weight"),
          new Column("perplexity", "how surprised the model is by the text, lower is better"),
          new Column(
              "KL divergence",
              "mean distance of its predictions from the reference's, in nats; 0 is none"),
          new Column("median", "half of the tokens have less KL divergence"),
          new Column("99 %", "99 of 100 tokens have less"),
          new Column("99.9 %", "999 of 1000 tokens have less"),
          new Column("max", "no token has more"),
          new Column("same top", "how often both find the same token most likely"),
          new Column("RMS Δp", "change of the probability of the text's own tokens"),
          new Column("prefill", "tokens per second, many at a time"),
          new Column("decode", "tokens per second, one after the other"));

  private static final List<Column> TASK_COLUMNS =
      List.of(
          new Column("accuracy", "of the multiple-choice tasks, by likelihood"),
          new Column("per character", "the same by likelihood per character"));

  static List<Column> columns(EvalResult result) {
    List<Column> columns = new ArrayList<>(COLUMNS);
    if (result.reference().tasks().isPresent()) {
      columns.addAll(TASK_COLUMNS);
    }
    return columns;
  }

  /** A row of the table; what says nothing is empty. */
  static List<String> cells(EvalResult result, EvalResult.Entry entry) {
    Subject subject = entry.subject();
    boolean isReference = entry == result.reference();
    Divergence d = entry.result().divergence();
    List<String> cells =
        new ArrayList<>(
            List.of(
                subject.name(),
                subject.path().isPresent() ? subject.type() : "in memory",
                Sizes.of(subject.bytes()),
                text("%.2f", subject.bitsPerWeight()),
                text(
                    "%.4f ± %.4f",
                    entry.result().perplexity().value(), entry.result().perplexity().error())));
    for (String cell :
        List.of(
            text("%.6f ± %.6f", d.mean().value(), d.mean().error()),
            text("%.6f", d.median()),
            text("%.6f", d.percentile99()),
            text("%.6f", d.percentile999()),
            text("%.4f", d.max()),
            percent(d.top1()),
            percent(d.deltaP()))) {
      cells.add(isReference ? "" : cell);
    }
    cells.add(text("%.1f", entry.result().tokensPerSecond()));
    cells.add(text("%.1f", entry.decode()));
    entry
        .tasks()
        .ifPresent(tasks -> {
          cells.add(percent(tasks.accuracy()));
          cells.add(percent(tasks.normalized()));
        });
    return cells;
  }

  private static String percent(Measure share) {
    return text("%.2f ± %.2f %%", 100 * share.value(), 100 * share.error());
  }

  static String text(String format, Object... values) {
    return String.format(Locale.ROOT, format, values);
  }

  /** What was read, in a sentence. */
  static String summary(EvalResult result) {
    EvalResult.Text text = result.text();
    return text(
        "%s: %,d tokens, %,d chunks of %,d%s, %,d tokens scored",
        text.name(),
        text.tokens(),
        text.chunks(),
        text.context(),
        text.stride().map(stride -> text(", a new one every %,d", stride)).orElse(""),
        text.scored());
  }

  static void print(EvalResult result) {
    List<Column> columns = columns(result);
    Table table = new Table("ll" + "r".repeat(columns.size() - 2));
    table.row(columns.stream().map(Column::name).toArray());
    for (EvalResult.Entry entry : result.models()) {
      table.row(cells(result, entry).toArray());
    }
    table.print(System.out);
    System.out.println(summary(result));
  }

  static ObjectNode json(EvalResult result, Stopwatch stopwatch) {
    ObjectNode json = Json.MAPPER.createObjectNode();
    EvalResult.Text text = result.text();
    json.putObject("text")
        .put("name", text.name())
        .put("tokens", text.tokens())
        .put("context", text.context())
        .put("stride", text.stride().orElse(null))
        .put("chunks", text.chunks())
        .put("scored", text.scored());
    json.put("threads", text.threads());
    describe(result, result.reference(), json.putObject("reference"));
    ArrayNode candidates = json.putArray("candidates");
    result.candidates().forEach(entry -> describe(result, entry, candidates.addObject()));
    json.put("seconds", stopwatch.seconds()).put("peak_memory_bytes", stopwatch.peakBytes());
    return json;
  }

  private static void describe(EvalResult result, EvalResult.Entry entry, ObjectNode json) {
    Subject subject = entry.subject();
    json.put("name", subject.name());
    subject.path().ifPresent(path -> json.put("path", path.toString()));
    json.put("type", subject.type())
        .put("bytes", subject.bytes())
        .put("bits_per_weight", subject.bitsPerWeight())
        .put("memory_bytes", subject.memoryBytes(result.text().context()))
        .put("ppl", entry.result().perplexity().value())
        .put("ppl_error", entry.result().perplexity().error());
    if (entry != result.reference()) {
      Divergence d = entry.result().divergence();
      json.put("ppl_log_ratio", d.logRatio().value())
          .put("ppl_log_ratio_error", d.logRatio().error())
          .put("kld_mean", d.mean().value())
          .put("kld_mean_error", d.mean().error())
          .put("kld_median", d.median())
          .put("kld_p99", d.percentile99())
          .put("kld_p999", d.percentile999())
          .put("kld_max", d.max())
          .put("top1", d.top1().value())
          .put("top1_error", d.top1().error())
          .put("delta_p_rms", d.deltaP().value())
          .put("delta_p_rms_error", d.deltaP().error());
      putAll(json.putArray("weight_errors"), entry.weightErrors());
      putAll(json.putArray("hidden_state_errors"), entry.result().layerErrors());
    }
    json.put("prefill_tokens_per_second", entry.result().tokensPerSecond())
        .put("decode_tokens_per_second", entry.decode());
    entry.tasks().ifPresent(tasks -> describe(tasks, json.putObject("tasks")));
  }

  private static void describe(MultipleChoice.Result tasks, ObjectNode json) {
    json.put("questions", tasks.questions())
        .put("accuracy", tasks.accuracy().value())
        .put("accuracy_error", tasks.accuracy().error())
        .put("accuracy_per_character", tasks.normalized().value())
        .put("accuracy_per_character_error", tasks.normalized().error());
  }

  private static void putAll(ArrayNode array, List<Double> values) {
    for (double value : values) {
      if (Double.isNaN(value)) {
        array.addNull();
      } else {
        array.add(value);
      }
    }
  }
}

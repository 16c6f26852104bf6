package dev.phial.engine.report;

import dev.phial.engine.eval.Divergence;
import dev.phial.engine.eval.EvalResult;
import dev.phial.engine.eval.Measure;
import dev.phial.engine.eval.Subject;
import dev.phial.io.Sizes;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** What an evaluation found, as a table. */
public final class EvalTable {
  private static final String PERPLEXITY = "perplexity";

  private EvalTable() {}

  /**
   * A column of the table, with what a reader should know about it.
   *
   * @param isFirst whether it is among those that fit 80 columns
   */
  public record Column(String name, String explanation, boolean isFirst) {}

  public static final List<Column> COLUMNS =
      List.of(
          new Column("model", "", true),
          new Column("type", "", false),
          new Column(
              "size",
              "of all files, where Phial wrote them; of others, of those that hold weights",
              true),
          new Column("bits", "per weight", true),
          new Column(PERPLEXITY, "how surprised the model is by the text, lower is better", false),
          new Column(
              "KL divergence",
              "mean distance of its predictions from the reference's, in nats; 0 is none",
              true),
          new Column("median", "half of the tokens have less KL divergence", false),
          new Column("99 %", "99 of 100 tokens have less", false),
          new Column("99.9 %", "999 of 1000 tokens have less", false),
          new Column("max", "no token has more", false),
          new Column("same top", "how often both find the same token most likely", true),
          new Column("RMS Δp", "change of the probability of the text's own tokens", false),
          new Column("prefill", "tokens per second, many at a time", false),
          new Column("decode", "tokens per second, one after the other", false));

  private static final List<Column> TASK_COLUMNS =
      List.of(
          new Column("accuracy", "of the multiple-choice tasks, by likelihood", true),
          new Column("per character", "the same by likelihood per character", false));

  /** The columns that a result fills. */
  public static List<Column> columns(EvalResult result) {
    List<Column> columns = new ArrayList<>(COLUMNS);
    if (result.reference().tasks().isPresent()) {
      columns.addAll(TASK_COLUMNS);
    }
    return columns;
  }

  /** All rows of the table, the names of the columns first. */
  public static List<List<String>> wide(EvalResult result) {
    List<List<String>> rows = new ArrayList<>();
    rows.add(columns(result).stream().map(Column::name).toList());
    result.models().forEach(entry -> rows.add(cells(result, entry)));
    return rows;
  }

  /** The rows of the table that fits 80 columns, the names of the columns first. */
  public static List<List<String>> narrow(EvalResult result) {
    List<Column> columns = columns(result);
    boolean isAlone = result.candidates().isEmpty(); // then perplexity is what there is
    List<List<String>> rows = new ArrayList<>();
    rows.add(columns.stream().map(Column::name).toList());
    List<String> labels =
        result.models().stream().map(entry -> entry.subject().label()).distinct().toList();
    for (EvalResult.Entry entry : result.models()) {
      List<String> cells = new ArrayList<>(cells(result, entry));
      if (labels.size() == result.models().size()) {
        cells.set(0, entry.subject().label());
      }
      rows.add(cells);
    }
    return rows.stream()
        .map(row ->
            IntStream.range(0, columns.size())
                .filter(i ->
                    columns.get(i).isFirst()
                        ? i < 4 || !isAlone || i >= COLUMNS.size()
                        : isAlone && columns.get(i).name().equals(PERPLEXITY))
                .mapToObj(row::get)
                .toList())
        .toList();
  }

  /** A row of the table; what says nothing is empty. */
  public static List<String> cells(EvalResult result, EvalResult.Entry entry) {
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

  /** What was read, in a sentence, and whether activations were rounded on the way. */
  public static String summary(EvalResult result) {
    EvalResult.Text text = result.text();
    return text(
        "%s: %,d tokens, %,d chunks of %,d%s, %,d tokens scored%s",
        text.name(),
        text.tokens(),
        text.chunks(),
        text.context(),
        text.stride().map(stride -> text(", a new one every %,d", stride)).orElse(""),
        text.scored(),
        rounding(result));
  }

  private static String rounding(EvalResult result) {
    String rounded =
        result.models().stream()
            .map(EvalResult.Entry::subject)
            .filter(subject -> !subject.activations().isEmpty())
            .map(subject -> "%s (%s)".formatted(subject.label(), subject.activations()))
            .collect(Collectors.joining(", "));
    return rounded.isEmpty() ? "" : "; activations rounded in " + rounded;
  }
}

package dev.phial.engine.report;

import dev.phial.engine.eval.EvalResult;
import dev.phial.engine.eval.Evaluation;
import dev.phial.engine.eval.Subject;
import dev.phial.io.Sizes;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * An evaluation as a page: one file, no script, nothing from a network. What the plots show is also
 * in {@code data-} attributes, for programs.
 */
public final class EvalPage {
  private static final String STYLE =
      """
      :root { color-scheme: light dark; --ink: #1d2329; --soft: #5f6b76; --rule: #dfe4e8; --paper: #fff; --front: #9aa5b0;
        --s0: #0067a5; --s1: #c24a00; --s2: #00805a; --s3: #a8428a; --s4: #8a6500; --s5: #1f7fb8; --s6: #6b4fb3; --s7: #59636c; }
      @media (prefers-color-scheme: dark) {
        :root { --ink: #e6eaee; --soft: #9ba7b2; --rule: #333c44; --paper: #14181c; --front: #6b7782;
          --s0: #5db3f0; --s1: #ff8f4d; --s2: #3fc796; --s3: #e58ccb; --s4: #e0b64a; --s5: #8ecbf2; --s6: #b3a0f5; --s7: #b4bec7; }
      }
      body { margin: 0 auto; padding: 1.2rem; max-width: 76rem; background: var(--paper); color: var(--ink);
        font: 16px/1.5 system-ui, sans-serif; }
      h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .3rem; overflow-wrap: anywhere; }
      h2 { font-size: 1.05rem; margin: 0 0 .2rem; }
      p { margin: 0 0 .6rem; color: var(--soft); overflow-wrap: anywhere; }
      .plots { display: grid; gap: 1.6rem; grid-template-columns: repeat(auto-fit, minmax(min(21rem, 100%), 1fr)); margin: 1.4rem 0; }
      section { min-width: 0; display: flex; flex-direction: column; }
      svg { display: block; margin-top: auto; width: 100%; max-width: 40rem; height: auto; font: 11px system-ui, sans-serif; }
      svg text { fill: var(--soft); }
      svg .label { fill: var(--ink); }
      .tick { font-size: 10px; }
      .grid { stroke: var(--rule); }
      .front { fill: none; stroke: var(--front); stroke-dasharray: 3 3; }
      .point { stroke-width: 1.5; fill: var(--paper); }
      .legend span { margin-right: 1rem; white-space: nowrap; color: var(--ink); }
      .legend span::before { content: ""; display: inline-block; width: .7rem; height: .7rem; margin-right: .4rem; border-radius: 50%; }
      code { color: var(--ink); overflow-wrap: anywhere; }
      a { color: var(--s0); }
      .line { fill: none; stroke-width: 1.8; }
      table { border-collapse: collapse; border-top: 1px solid var(--rule); font-size: .9rem; font-variant-numeric: tabular-nums;
        margin: 1rem 0 1.6rem; }
      th, td { padding: .35rem .9rem .35rem 0; text-align: right; border-bottom: 1px solid var(--rule); white-space: nowrap; }
      th { font-weight: 600; color: var(--soft); }
      th:first-child, td:first-child { text-align: left; white-space: normal; overflow-wrap: anywhere; }
      @media (max-width: 56rem) {
        thead { display: none; }
        table, tbody, tr, td { display: block; }
        tr { border-bottom: 1px solid var(--rule); padding: .5rem 0; }
        td, td:first-child { border: 0; padding: .1rem 0; text-align: left; }
        td:first-child { font-weight: 600; }
        td:empty { display: none; }
        td:not(:first-child)::before { content: attr(data-name); display: inline-block; width: 8.5rem; color: var(--soft); }
      }
      dl { display: grid; grid-template-columns: max-content 1fr; gap: .1rem 1rem; font-size: .9rem; color: var(--soft); }
      dt { color: var(--ink); }
      dd { margin: 0; }
      """;

  /** Model, type, size, bits and perplexity. */
  private static final int FIRST_COLUMNS = 5;

  /** Mean KL divergence below which hardly anybody notices. */
  private static final double LITTLE = 0.01;

  private EvalPage() {}

  /**
   * What was done, for who reads the page later.
   *
   * @param date of the day
   * @param machine the processor, and what ran on it
   */
  public record Circumstances(String date, String command, String version, String machine) {}

  /** The page, in HTML. */
  public static String of(EvalResult result, Circumstances circumstances) {
    Subject reference = result.reference().subject();
    Markup page = new Markup();
    page.add("<!DOCTYPE html>")
        .add("<html lang=\"en\">")
        .add("<head>")
        .add("<meta charset=\"utf-8\">");
    page.add("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    page.add(
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">");
    page.add("<title>%s evaluated</title>", reference.label());
    page.addStyle(STYLE + Looks.style());
    page.add("</head>").add("<body>");
    page.add("<h1>What was lost of %s</h1>", reference.label());
    page.add(
        "<p>The reference is %s in %s, %s, perplexity %s. Read was %s.</p>",
        reference.name(),
        reference.type(),
        Sizes.of(reference.bytes()),
        EvalTable.text("%.4f", result.reference().result().perplexity().value()),
        EvalTable.summary(result));
    if (!result.candidates().isEmpty()) {
      page.add("<p>%s</p>", advice(result));
      page.add(plots(result));
    }
    page.add(table(result, true));
    if (!result.candidates().isEmpty()) {
      page.add("<h2>In detail</h2>").add(table(result, false));
    }
    page.add("<dl>");
    for (EvalTable.Column column : EvalTable.columns(result)) {
      if (!column.explanation().isEmpty()) {
        page.add("<dt>%s</dt><dd>%s</dd>", column.name(), column.explanation());
      }
    }
    page.add("</dl>");
    page.add(
        "<p>± is one standard error. Speed was measured in Phial, with %d threads; other runtimes differ.</p>",
        result.text().threads());
    page.add(
        "<p>Made on %s by <code>%s</code> with %s on %s. All figures: ",
        circumstances.date(),
        circumstances.command(),
        circumstances.version(),
        circumstances.machine());
    page.addFile(
        "evaluation.json",
        "application/json",
        EvalJson.of(result).toPrettyString().getBytes(StandardCharsets.UTF_8));
    return page.add("</p>").add("</body>").add("</html>").toString();
  }

  /** The smallest that lost little. */
  private static String advice(EvalResult result) {
    Looks looks = new Looks(result);
    Comparator<EvalResult.Entry> bySize = Comparator.comparingLong(e -> e.subject().bytes());
    Comparator<EvalResult.Entry> byLoss = Comparator.comparingDouble(EvalPage::loss);
    return result.candidates().stream()
        .filter(entry -> loss(entry) <= LITTLE)
        .min(bySize.thenComparing(byLoss))
        .map(entry ->
            "Of what lost no more than %s on average, %s is the smallest: %s, KL divergence %s."
                .formatted(
                    LITTLE,
                    looks.label(entry),
                    Sizes.of(entry.subject().bytes()),
                    EvalTable.text("%.4f", loss(entry))))
        .orElseGet(() -> {
          EvalResult.Entry least = result.candidates().stream().min(byLoss).orElseThrow();
          return "Nothing lost less than %s on average; %s lost least, %s."
              .formatted(LITTLE, looks.label(least), EvalTable.text("%.4f", loss(least)));
        });
  }

  private static double loss(EvalResult.Entry entry) {
    return entry.result().divergence().mean().value();
  }

  private static Markup plots(EvalResult result) {
    Looks looks = new Looks(result);
    Markup plots = new Markup().add(looks.legend()).add("<div class=\"plots\">");
    section(
        plots,
        "Size and quality",
        "Lower is better, left is smaller. Filled: nothing else here is both smaller and better.",
        ParetoPlot.of(result, looks));
    int layers = result.reference().subject().model().hyperparameters().layers();
    List<String> numbers = IntStream.rangeClosed(1, layers).mapToObj(Integer::toString).toList();
    if (result.candidates().stream()
        .map(EvalResult.Entry::result)
        .map(Evaluation.Result::layerErrors)
        .anyMatch(errors -> !errors.isEmpty())) {
      List<String> places = new ArrayList<>(numbers);
      places.add("out");
      section(
          plots,
          "Error that reaches each layer",
          "How far what a layer reads, after its norm, is from what it reads in the reference. “out” is what the output matrix reads.",
          LayerPlot.of(
              "states",
              "Error of the hidden states by layer",
              result,
              looks,
              entry -> entry.result().layerErrors(),
              places,
              0,
              layers));
    }
    List<String> places = new ArrayList<>(List.of("emb"));
    places.addAll(numbers);
    places.add("out");
    section(
        plots,
        "Error of the weights",
        "Root mean square of the difference over that of the reference’s weights. “emb” is the embedding, “out” the output matrix.",
        LayerPlot.of(
            "weights",
            "Error of the weights by layer",
            result,
            looks,
            EvalResult.Entry::weightErrors,
            places,
            1,
            layers));
    return plots.add("</div>");
  }

  private static void section(Markup page, String title, String explanation, Markup plot) {
    page.add("<section>").add("<h2>%s</h2>", title).add("<p>%s</p>", explanation);
    page.add(plot).add("</section>");
  }

  /**
   * @param isFirst whether of the columns that tell most, or of the others
   */
  private static Markup table(EvalResult result, boolean isFirst) {
    List<EvalTable.Column> all = EvalTable.columns(result);
    List<Integer> shown =
        IntStream.range(0, all.size())
            .filter(i ->
                i == 0
                    || isFirst == (all.get(i).isFirst() || i < FIRST_COLUMNS)
                    || result.candidates().isEmpty())
            .boxed()
            .toList();
    Markup table = new Markup().add("<table>").add("<thead>").add("<tr>");
    shown.forEach(i -> table.add("<th>%s</th>", all.get(i).name()));
    table.add("</tr>").add("</thead>").add("<tbody>");
    for (EvalResult.Entry entry : result.models()) {
      List<String> cells = EvalTable.cells(result, entry);
      table.add(
          isFirst ? "<tr data-model=\"%s\" data-type=\"%s\">" : "<tr>",
          entry.subject().name(),
          entry.subject().type());
      shown.forEach(
          i -> table.add("<td data-name=\"%s\">%s</td>", all.get(i).name(), cells.get(i)));
      table.add("</tr>");
    }
    return table.add("</tbody>").add("</table>");
  }
}

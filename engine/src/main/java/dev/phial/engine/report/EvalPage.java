package dev.phial.engine.report;

import dev.phial.engine.eval.EvalResult;
import dev.phial.engine.eval.Evaluation;
import dev.phial.engine.eval.Subject;
import dev.phial.io.Sizes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * An evaluation as a page: one file, no script, nothing from a network. What the plots show is also
 * in {@code data-} attributes, for programs.
 */
public final class EvalPage {
  /** Model, type, size, bits and perplexity. */
  private static final int FIRST_COLUMNS = 5;

  /** Mean KL divergence below which hardly anybody notices. */
  private static final double LITTLE = 0.01;

  private EvalPage() {}

  /** The page, in HTML. */
  public static String of(EvalResult result, Circumstances circumstances) {
    Subject reference = result.reference().subject();
    Markup page = Page.begin(reference.label() + " evaluated");
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
    return Page.end(page, circumstances, "evaluation.json", EvalJson.of(result).toPrettyString());
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
    Page.section(
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
      Page.section(
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
    Page.section(
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

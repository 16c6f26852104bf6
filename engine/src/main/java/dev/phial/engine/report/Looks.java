package dev.phial.engine.report;

import dev.phial.engine.eval.EvalResult;
import dev.phial.engine.eval.Subject;
import java.util.List;
import java.util.Map;

/**
 * How candidates look on a page, the same in every plot: colors tell runtimes apart where there are
 * several, and candidates where there is one; dashes tell apart what has one color.
 */
final class Looks {
  static final int COLORS = 8;

  private static final int LONGEST_LABEL = 22;

  private static final List<String> DASHES = List.of("none", "7 3", "2 2", "9 3 2 3", "4 4", "1 4");

  /** What a user calls them. */
  private static final Map<String, String> RUNTIMES =
      Map.of(
          "gguf", "llama.cpp",
          "onnx", "ONNX Runtime",
          "openvino", "OpenVINO",
          "mlx", "MLX",
          "litert", "LiteRT",
          "torch", "vLLM",
          "gptq", "vLLM (GPTQ)",
          "awq", "vLLM (AWQ)",
          "bnb", "transformers (bitsandbytes)",
          "huggingface", "transformers");

  private final List<EvalResult.Entry> candidates;
  private final List<String> runtimes;
  private final int common; // letters that all labels begin with

  Looks(EvalResult result) {
    this.candidates = result.candidates();
    this.runtimes = candidates.stream().map(entry -> entry.subject().runtime()).distinct().toList();
    this.common = common(candidates.stream().map(entry -> entry.subject().label()).toList());
  }

  /** What labels share up to a dash tells nothing. */
  private static int common(List<String> labels) {
    if (labels.size() < 2) {
      return 0;
    }
    String first = labels.getFirst();
    int end = first.lastIndexOf('-') + 1;
    while (end > 0) {
      String prefix = first.substring(0, end);
      if (labels.stream()
          .allMatch(label -> label.startsWith(prefix) && label.length() > prefix.length())) {
        return end;
      }
      end = first.lastIndexOf('-', end - 2) + 1;
    }
    return 0;
  }

  /** A short name, for all plots. */
  String label(EvalResult.Entry entry) {
    String label = entry.subject().label().substring(common);
    return label.length() <= LONGEST_LABEL
        ? label
        : "…" + label.substring(label.length() - LONGEST_LABEL + 1);
  }

  int color(EvalResult.Entry entry) {
    return (runtimes.size() > 1 ? runtimes.indexOf(entry.subject().runtime()) : number(entry))
        % COLORS;
  }

  /** For a line. */
  String dash(EvalResult.Entry entry) {
    if (runtimes.size() < 2) {
      return DASHES.get(number(entry) / COLORS % DASHES.size());
    }
    String runtime = entry.subject().runtime();
    long before =
        candidates.subList(0, number(entry)).stream()
            .map(EvalResult.Entry::subject)
            .map(Subject::runtime)
            .filter(runtime::equals)
            .count();
    return DASHES.get((int) before % DASHES.size());
  }

  private int number(EvalResult.Entry entry) {
    int number = 0;
    while (candidates.get(number) != entry) {
      number++;
    }
    return number;
  }

  /** Which color is which runtime; nothing where there is one. */
  Markup legend() {
    Markup legend = new Markup();
    if (runtimes.size() > 1) {
      legend.add("<p class=\"legend\">");
      for (int i = 0; i < runtimes.size(); i++) {
        legend.add(
            "<span class=\"c%d\">%s</span>",
            i % COLORS, RUNTIMES.getOrDefault(runtimes.get(i), runtimes.get(i)));
      }
      legend.add("</p>");
    }
    return legend;
  }

  /** Rules of style for the colors. */
  static String style() {
    StringBuilder rules = new StringBuilder();
    for (int i = 0; i < COLORS; i++) {
      rules.append(
          """
          .line.c%1$d, .bar.c%1$d, .point.c%1$d { stroke: var(--s%1$d); } .dot.c%1$d, .point.on.c%1$d { fill: var(--s%1$d); } \
          svg .label.c%1$d { fill: var(--s%1$d); } .legend .c%1$d::before { background: var(--s%1$d); }
          """
              .formatted(i));
    }
    return rules.toString();
  }
}

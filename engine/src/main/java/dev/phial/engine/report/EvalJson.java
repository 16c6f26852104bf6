package dev.phial.engine.report;

import dev.phial.engine.eval.Divergence;
import dev.phial.engine.eval.EvalResult;
import dev.phial.engine.eval.MultipleChoice;
import dev.phial.engine.eval.Subject;
import dev.phial.io.Json;
import java.util.List;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What an evaluation found, for programs. */
public final class EvalJson {
  private EvalJson() {}

  /** All of it. */
  public static ObjectNode of(EvalResult result) {
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
    if (!subject.activations().isEmpty()) {
      json.put("rounded_activations", subject.activations().toString());
    }
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

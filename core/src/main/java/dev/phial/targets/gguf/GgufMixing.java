package dev.phial.targets.gguf;

import dev.phial.plan.Recipe;
import dev.phial.quant.Format;
import dev.phial.targets.Mixing;
import dev.phial.targets.Options;
import dev.phial.targets.Request;
import java.util.List;

/** Types as llama-quantize's options give them to single tensors. */
final class GgufMixing implements Mixing {
  /** Those that need no importance matrix; {@code --pure} takes others for narrow matrices. */
  private static final List<Recipe> PURE =
      List.of(
          Recipe.Q2_K,
          Recipe.Q3_K_S,
          Recipe.IQ4_XS,
          Recipe.Q4_0,
          Recipe.Q4_K_S,
          Recipe.Q5_K_S,
          Recipe.Q6_K,
          Recipe.Q8_0);

  private static final String EMBEDDING = "token_embd.weight";
  private static final String OUTPUT = "output.weight";

  @Override
  public List<Request> pure(Request request) {
    Options options = request.options().with("pure");
    return PURE.stream().map(recipe -> request.with(recipe.name()).with(options)).toList();
  }

  @Override
  public String type(Format format) {
    return format.name();
  }

  @Override
  public String option(String tensor, String type) {
    return switch (tensor) {
      case EMBEDDING -> "token-embedding-type=" + type;
      case OUTPUT -> "output-tensor-type=" + type;
      default -> "tensor-type=^%s$=%s".formatted(tensor.replace(".", "\\."), type);
    };
  }
}

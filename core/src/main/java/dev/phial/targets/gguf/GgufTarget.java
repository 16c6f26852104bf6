package dev.phial.targets.gguf;

import dev.phial.PhialException;
import dev.phial.model.Hyperparameters;
import dev.phial.model.LongRope;
import dev.phial.model.ModelDescription;
import dev.phial.plan.Recipe;
import dev.phial.source.ChatTemplates;
import dev.phial.source.Folder;
import dev.phial.targets.Manifest;
import dev.phial.targets.Mixing;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.TargetOption;
import dev.phial.targets.layout.Layout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/**
 * GGUF for llama.cpp. {@code gguf:TYPE} is what its converter and then llama-quantize write; {@code
 * gguf} alone is what the converter writes.
 */
public final class GgufTarget implements Target {
  private static final String COPY = "COPY";

  @Override
  public String name() {
    return "gguf";
  }

  @Override
  public List<String> precisions() {
    return Arrays.stream(Recipe.values()).map(Recipe::name).toList();
  }

  @Override
  public List<TargetOption> options() {
    return GgufOptions.ALL;
  }

  @Override
  public Optional<Mixing> mixing() {
    return Optional.of(new GgufMixing());
  }

  @Override
  public List<String> caveats(ModelDescription model) {
    if (model.family().ggufArchitecture().isEmpty()) {
      return List.of();
    }
    Hyperparameters h = model.hyperparameters();
    List<String> caveats = new ArrayList<>();
    if (!h.sharesWidth()) {
      caveats.add(
          "llama.cpp cannot load it: it takes heads of hidden / heads (%d) dimensions, these have %d"
              .formatted(h.hidden() / h.attention().heads(), h.attention().headSize()));
    }
    if (h.rope().longRope().isPresent()) {
      caveats.add(
          "llama.cpp uses the long LongRoPE factors for texts of any length once its context (-c) is above %d tokens, and else the short ones; the reference goes by the text"
              .formatted(h.rope().originalContext()));
      double formula = h.attentionFactor();
      h.rope()
          .longRope()
          .flatMap(LongRope::longScale)
          .filter(scale -> Math.abs(scale - formula) > 1e-3)
          .ifPresent(scale ->
              caveats.add(
                  "llama.cpp scales rotated queries and keys by %.4f, which follows from the contexts; the checkpoint says %.4f"
                      .formatted(formula, scale)));
    }
    h.attention()
        .slidingWindow()
        .filter(window -> window < h.context())
        .ifPresent(window ->
            caveats.add(
                "llama.cpp attends to the whole text; the reference looks back %d tokens"
                    .formatted(window)));
    if (h.experts().count() > 0) {
      caveats.add(
          "llama.cpp weighs the experts of a token by one softmax; the reference's SparseMixer gives each a softmax of its own");
    }
    return caveats;
  }

  @Override
  public List<String> caveats(Request request) {
    List<String> caveats = new ArrayList<>(caveats(request.model()));
    if (request
        .checkpoint()
        .folder()
        .filter(folder -> ChatTemplates.of(folder).differ())
        .isPresent()) {
      caveats.add(
          "the chat template is that of tokenizer_config.json, which llama.cpp's converter takes; chat_template.jinja holds another, which transformers takes");
    }
    return caveats;
  }

  @Override
  public Layout plan(Request asked) {
    Request request = asked.keeps() ? CarriedTypes.settled(asked) : asked;
    GgufFiles files = files(request);
    return files.layout(
        request,
        Mmproj.of(request, new GgufOptions(request.options())),
        request.options().has(GgufOptions.MANIFEST)
            ? Optional.of(new Manifest(request, this, files.precision()))
            : Optional.empty());
  }

  GgufFiles files(Request request) {
    String architecture =
        request.model().family().ggufArchitecture().orElseThrow(() -> unsupported(request));
    GgufOptions options = new GgufOptions(request.options());
    if (!request.model().hyperparameters().sharesWidth()
        && !options.has(GgufOptions.ALLOW_UNLOADABLE)) {
      throw unloadable(request);
    }
    boolean converts = request.precision().isEmpty();
    Optional<Folder> folder = request.checkpoint().folder();
    if (folder.isEmpty() && converts) {
      throw new PhialException.Usage(
          "%s is a GGUF file already; name a type to quantize it to, such as gguf:Q4_K_M"
              .formatted(request.checkpoint().path()));
    }
    Converted converted =
        folder.isPresent()
            ? Converted.of(folder.get(), request.model(), architecture, options, converts)
            : Converted.of(request.checkpoint().gguf().orElseThrow(), request.model());
    if (converts) {
      return converted.files(options);
    }
    String precision = request.precision().orElseThrow();
    boolean copies = precision.equalsIgnoreCase(COPY);
    Recipe recipe =
        Recipe.named(copies ? Recipe.F32.name() : precision)
            .orElseThrow(() ->
                new PhialException.Usage(
                    "gguf: expected one of %s, found %s"
                        .formatted(String.join(" ", precisions()), precision)));
    if (options.has("outtype")) {
      throw new PhialException.Usage(
          "--outtype is for --to gguf without a type; gguf:%s says it already"
              .formatted(precision));
    }
    return new Quantized(request, converted, recipe, copies, options).files();
  }

  /** Heads of another width can be written, but no key that llama.cpp reads would say so. */
  private static PhialException unloadable(Request request) {
    Hyperparameters h = request.model().hyperparameters();
    return new PhialException.Unsupported(
        "%s: llama.cpp takes heads of hidden / heads (%d) dimensions, those of this model have %d: the file would not load; use --to onnx or openvino, or pass --%s for the converter's file all the same"
            .formatted(
                request.checkpoint().path(),
                h.hidden() / h.attention().heads(),
                h.attention().headSize(),
                GgufOptions.ALLOW_UNLOADABLE),
        "llama.cpp takes heads of hidden / heads; the file would not load");
  }

  private static PhialException unsupported(Request request) {
    String reason =
        "llama.cpp has no runtime for %s models".formatted(request.model().family().name());
    return new PhialException.Unsupported(
        "%s: %s, so there is no GGUF to write".formatted(request.checkpoint().path(), reason),
        reason);
  }

  @Override
  public String command(String path, Request request) {
    if (!request.model().hyperparameters().sharesWidth()) {
      return "phial run " + path; // llama.cpp cannot
    }
    return new GgufOptions(request.options())
        .mmproj()
        .map(type ->
            "llama-mtmd-cli --mmproj %s --image FILE -m %s"
                .formatted(Mmproj.beside(path, type), path))
        .orElse("llama-cli -m " + path);
  }

  @Override
  public String defaultName(Request asked) {
    Request request = asked.keeps() ? CarriedTypes.settled(asked) : asked;
    String precision =
        request
            .precision()
            .map(name -> Recipe.named(name).map(Recipe::name).orElse(name))
            .or(() -> request.options().value("outtype"))
            .orElse("auto");
    return "%s-gguf-%s.gguf".formatted(request.checkpoint().name(), precision);
  }
}

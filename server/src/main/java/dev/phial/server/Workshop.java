package dev.phial.server;

import dev.phial.PhialException;
import dev.phial.engine.advise.Advisor;
import dev.phial.engine.advise.Candidate;
import dev.phial.engine.advise.Device;
import dev.phial.engine.advise.DeviceTable;
import dev.phial.engine.advise.MeasuredLosses;
import dev.phial.engine.advise.PossibleFiles;
import dev.phial.engine.advise.Use;
import dev.phial.engine.convert.Conversion;
import dev.phial.engine.convert.Order;
import dev.phial.engine.convert.Preparation;
import dev.phial.engine.eval.Chunks;
import dev.phial.engine.eval.EvalResult;
import dev.phial.engine.eval.EvalRun;
import dev.phial.engine.eval.Quantized;
import dev.phial.engine.eval.Subject;
import dev.phial.engine.run.Team;
import dev.phial.engine.text.DefaultText;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.io.Inputs;
import dev.phial.io.Json;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.plan.Plan;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.targets.Options;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.Targets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Does what a page asks for: plans, converts, measures. */
final class Workshop {
  /** llama-perplexity's. */
  private static final int USUAL_CONTEXT = 512;

  /** Tokens for which memory is told. */
  private static final int USUAL_CHAT = 4096;

  private final Library library;
  private final Models models;
  private final int threads;
  private final DeviceTable devices = DeviceTable.read();

  Workshop(Library library, Models models, int threads) {
    this.library = library;
    this.models = models;
    this.threads = threads;
  }

  /** The devices there are, by name and title. */
  ArrayNode devices() {
    ArrayNode list = Json.MAPPER.createArrayNode();
    devices
        .devices()
        .forEach(
            device -> list.addObject().put("name", device.name()).put("title", device.title()));
    return list;
  }

  /**
   * What could be made of a model, with sizes, or why it could not.
   *
   * @param device it is to run on, if that matters
   * @param losses that were measured
   */
  ObjectNode plan(String model, Optional<String> device, MeasuredLosses losses) {
    ObjectNode json = Json.MAPPER.createObjectNode();
    try (Checkpoint checkpoint = Sources.open(library.find(model).path())) {
      ModelDescription description = Families.describe(checkpoint);
      int tokens = Math.min(USUAL_CHAT, description.hyperparameters().context());
      json.put("family", description.family().name())
          .put("kind", checkpoint.kind())
          .put("parameters", description.parameters())
          .put("context", tokens);
      ArrayNode choices = json.putArray("choices");
      if (device.isPresent()) {
        Advisor advisor = new Advisor(device(device.get()), tokens, losses);
        advise(advisor, new PossibleFiles(checkpoint, description), choices, json);
      } else {
        choices(checkpoint, description, tokens, choices);
      }
    }
    return json;
  }

  private Device device(String name) {
    return devices
        .device(name)
        .orElseThrow(() -> ApiError.refused(404, "device", null, "there is no device " + name));
  }

  private static void advise(
      Advisor advisor, PossibleFiles files, ArrayNode choices, ObjectNode json) {
    List<Candidate> candidates = advisor.candidates(files);
    for (Candidate candidate : candidates) {
      ObjectNode choice = choices.addObject().put("name", candidate.order());
      candidate.obstacle().ifPresent(obstacle -> choice.put("obstacle", obstacle));
      if (candidate.fits()) {
        candidate.plan().ifPresent(plan -> describe(choice, plan));
        candidate.demand().ifPresent(demand -> choice.put("memory_bytes", demand.total()));
        candidate.speed().ifPresent(speed -> choice.put("tokens_per_second", speed));
      }
    }
    advisor
        .recommend(candidates)
        .ifPresent(found ->
            json.putObject("recommended")
                .put("name", found.candidate().order())
                .put("runtime", found.candidate().runtime())
                .put("reason", found.reason()));
  }

  private static void choices(
      Checkpoint checkpoint, ModelDescription description, int tokens, ArrayNode choices) {
    for (Target target : Targets.ALL) {
      for (String precision : target.precisions()) {
        ObjectNode choice = choices.addObject().put("name", target.name() + ":" + precision);
        try {
          Plan plan = target.plan(request(checkpoint, description, precision, Options.NONE)).plan();
          describe(choice, plan);
          choice.put("memory_bytes", plan.memoryBytes(tokens));
        } catch (PhialException.Unsupported e) {
          choice.put("obstacle", e.reason());
        } catch (PhialException e) {
          choice.put("obstacle", e.getMessage());
        }
      }
    }
  }

  private static void describe(ObjectNode choice, Plan plan) {
    choice.put("bytes", plan.bytes()).put("bits_per_weight", plan.bitsPerWeight());
  }

  private static Request request(
      Checkpoint checkpoint, ModelDescription description, String precision, Options options) {
    return new Request(checkpoint, description, Optional.of(precision), options);
  }

  /**
   * Of a target, its precision and perhaps the options that a device wants, such as {@code
   * ep=cuda}: no others, since some name files.
   */
  private Order order(Checkpoint checkpoint, ModelDescription description, String name) {
    String[] parts = name.split("[:,]", 3);
    Target target =
        Targets.named(parts[0])
            .filter(found -> parts.length > 1 && found.precisions().contains(parts[1]))
            .orElseThrow(() -> unknown(name));
    Options options = parts.length > 2 ? options(target, "," + parts[2]) : Options.NONE;
    return Order.of(target, request(checkpoint, description, parts[1], options));
  }

  private Options options(Target target, String suffix) {
    Use use =
        devices.devices().stream()
            .flatMap(device -> device.uses().stream())
            .filter(each -> each.target().equals(target.name()) && each.suffix().equals(suffix))
            .findFirst()
            .orElseThrow(() -> unknown(target.name() + suffix));
    Map<String, List<String>> options = new HashMap<>();
    use.options()
        .forEach((name, value) -> options.put(name, value.isEmpty() ? List.of() : List.of(value)));
    return new Options(options);
  }

  private static ApiError unknown(String name) {
    return ApiError.invalid("targets", "expected a target and its precision, found " + name);
  }

  /** Does a job. */
  void run(Job job) {
    Library.Entry entry = library.find(job.model());
    try (Checkpoint checkpoint = Sources.open(entry.path())) {
      checkpoint.notes().forEach(job::addNote);
      switch (job.kind()) {
        case CONVERT -> convert(job, entry, checkpoint);
        case MEASURE -> measure(job, checkpoint);
      }
    }
  }

  private void convert(Job job, Library.Entry entry, Checkpoint checkpoint) {
    ModelDescription description = Families.describe(checkpoint);
    Path folder = library.outputs().orElseThrow();
    List<Conversion.Output> outputs =
        job.targets().stream()
            .map(name -> {
              Order order = order(checkpoint, description, name);
              String file = order.target().defaultName(order.request());
              return new Conversion.Output(order, folder.resolve(Path.of(file).getFileName()));
            })
            .toList();
    for (Conversion.Output output : outputs) {
      if (Files.exists(output.path(), LinkOption.NOFOLLOW_LINKS)) {
        throw new PhialException.OutputFailed(
            "%s exists already; remove it first".formatted(output.path().getFileName()));
      }
    }
    Conversion conversion = new Conversion(outputs, false, threads);
    conversion.check(new Inputs().add(entry.path()).addAll(checkpoint.files()));
    Conversion.Result result = conversion.run(job);
    for (Conversion.Output output : result.written()) {
      job.addOutput(folder.relativize(output.path()).toString());
      output.order().caveats().forEach(job::addNote);
    }
    for (PhialException failure : result.failures().values()) {
      throw failure;
    }
  }

  private void measure(Job job, Checkpoint checkpoint) {
    ModelDescription description = Families.describe(checkpoint);
    Tokenizer tokenizer = Tokenizer.of(checkpoint);
    int[] plain = tokenizer.encode(DefaultText.TEST.read(), false).ids();
    int[] tokens = tokenizer.special().precede(plain);
    int length = Math.min(USUAL_CONTEXT, description.hyperparameters().context());
    Chunks all = Chunks.halves(tokens, length, tokenizer.special().addedBegin());
    Chunks chunks = job.chunks() < all.count() ? all.limit(job.chunks()) : all;
    Subject reference = Subject.of(job.model(), checkpoint, description);
    try (Team team = new Team(threads)) {
      EvalRun run =
          new EvalRun(
              reference, chunks, tokens, Optional.empty(), threads, team, Optional.empty(), job);
      for (String name : job.targets()) { // one after the other: each is shown when it is there
        measure(job, run, order(checkpoint, description, name), name);
      }
    }
  }

  private void measure(Job job, EvalRun run, Order order, String name) {
    try (Preparation preparation = new Preparation(threads, job)) {
      Order known = preparation.of(List.of(order)).getFirst();
      Quantized quantized = Quantized.of(name, known);
      long bytes = quantized.sink().bytes();
      models.take(name, bytes);
      try (quantized) {
        List<EvalResult.Entry> entries = run.evaluate(List.of(), List.of(List.of(quantized)));
        EvalResult.Entry entry = entries.getLast();
        job.add(
            Json.MAPPER
                .createObjectNode()
                .put("name", name)
                .put("bytes", entry.subject().bytes())
                .put("bits_per_weight", entry.subject().bitsPerWeight())
                .put("ppl", entry.result().perplexity().value())
                .put("reference_ppl", entries.getFirst().result().perplexity().value())
                .put("kld_mean", entry.result().divergence().mean().value())
                .put("kld_mean_error", entry.result().divergence().mean().error())
                .put("top1", entry.result().divergence().top1().value()));
      } finally {
        models.give(bytes);
      }
    }
  }
}

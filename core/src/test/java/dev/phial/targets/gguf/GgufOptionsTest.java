package dev.phial.targets.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.Fixtures;
import dev.phial.PhialException;
import dev.phial.io.Progress;
import dev.phial.model.Families;
import dev.phial.plan.Plan;
import dev.phial.plan.PlannedTensor;
import dev.phial.source.Checkpoint;
import dev.phial.source.GgufValue;
import dev.phial.source.Sources;
import dev.phial.targets.Options;
import dev.phial.targets.Pass;
import dev.phial.targets.Request;
import dev.phial.targets.TargetOption;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.Sink;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Each option of llama-quantize, of the converter and of gguf-split, and what cannot be asked. */
final class GgufOptionsTest {
  private static final Path MODEL = Fixtures.model("phi3-mini-4k");
  private static final String IMATRIX =
      MODEL.resolve("../../imatrix/phi3-mini-4k/imatrix.gguf").normalize().toString();

  @TempDir Path folder;
  private final List<Checkpoint> checkpoints = new ArrayList<>();

  /**
   * @param words {@code Q4_K pure tensor-type=a=Q8_0}: the precision, or {@code -}, and options
   */
  private Planned plan(String words) {
    return plan(MODEL, words);
  }

  private Planned plan(Path model, String words) {
    List<String> all = List.of(words.replace("FOLDER", folder.toString()).split(" "));
    Map<String, List<String>> options = new LinkedHashMap<>();
    for (String word : all.subList(1, all.size())) {
      int equals = word.indexOf('=');
      String name = equals < 0 ? word : word.substring(0, equals);
      assertThat(GgufOptions.ALL.stream().map(TargetOption::name)).contains(name);
      options
          .computeIfAbsent(name, n -> new ArrayList<>())
          .addAll(equals < 0 ? List.of() : List.of(word.substring(equals + 1)));
    }
    Optional<String> precision = Optional.of(all.getFirst()).filter(word -> !word.equals("-"));
    Checkpoint checkpoint = Sources.open(model);
    checkpoints.add(checkpoint);
    Request request =
        new Request(checkpoint, Families.describe(checkpoint), precision, new Options(options));
    GgufFiles files = new GgufTarget().files(request);
    return new Planned(files, files.layout(request, Optional.empty(), Optional.empty()));
  }

  private record Planned(GgufFiles files, Layout layout) {
    Plan plan() {
      return layout.plan();
    }

    List<GgufLayout> layouts() {
      return files.files();
    }

    /** The tensors that have some. */
    Set<String> important() {
      return plan().tensors().stream()
          .filter(tensor -> files.importance().of(tensor.weight(), 0).isPresent())
          .map(PlannedTensor::name)
          .collect(Collectors.toSet());
    }
  }

  @AfterEach
  void close() {
    checkpoints.forEach(Checkpoint::close);
  }

  private static Map<String, String> formats(Planned job) {
    return job.plan().tensors().stream()
        .collect(
            Collectors.toMap(
                PlannedTensor::name, tensor -> tensor.format().name(), (a, b) -> a, TreeMap::new));
  }

  private static String metadata(Planned job, String key) {
    return String.valueOf(job.layouts().getFirst().metadata().get(key));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "- outtype=q4_0 | expected f32, f16, bf16, q8_0 or auto, found q4_0",
        "Q4_0 outtype=f16 | gguf:Q4_0 says it already",
        "Q4_0 tensor-type=attn | expected REGEX=TYPE, found attn",
        "Q4_0 tensor-type==Q8_0 | expected REGEX=TYPE, found =Q8_0",
        "Q4_0 tensor-type=a= | --tensor-type: expected one of [F32, F16,",
        "Q4_0 tensor-type=a=Q9 | found Q9",
        "Q4_0 tensor-type=(=Q8_0 | expected a regular expression, found (",
        "Q4_0 output-tensor-type=Q9 | --output-tensor-type: expected one of",
        "Q4_0 token-embedding-type=Q4_K_M | --token-embedding-type: expected one of",
        "Q4_0 prune-layers=a | expected layer numbers like 3,4,5, found a",
        "Q4_0 prune-layers=-1 | expected layer numbers",
        "Q4_0 prune-layers=2 | expected layers below 2, found 2",
        "Q4_0 override-kv=a | expected KEY=TYPE:VALUE, found a",
        "Q4_0 override-kv==int:1 | expected KEY=TYPE:VALUE",
        "Q4_0 override-kv=a=int | expected KEY=TYPE:VALUE",
        "Q4_0 override-kv=a=int:x | found a=int:x",
        "Q4_0 override-kv=a=bool:1 | found a=bool:1",
        "Q4_0 override-kv=a=float: | found a=float:",
        "Q4_0 override-kv=a=date:1 | found a=date:1",
        "Q4_0 split-max-size=0M | expected a number and M or G, found 0M",
        "Q4_0 split-max-size=1K | found 1K",
        "Q4_0 split-max-size=9999999999M | found 9999999999M",
        "Q4_0 split-max-tensors=0 | expected a number of at least 1, found 0",
        "Q4_0 split-max-tensors=x | found x",
        "Q4_0 split-max-tensors=1 split-max-size=1G | cannot be used together",
        "Q4_0 no-tensor-first-split | --split-max-tensors too",
        "Q4_0 keep-split | --keep-split is for a GGUF model in several files",
        "Q4_0 include-weights=a exclude-weights=b | cannot be used together",
      })
  void refusesWhatMakesNoSense(String words, String found) {
    assertThatThrownBy(() -> plan(words))
        .isInstanceOf(PhialException.Usage.class)
        .hasMessageContaining("--")
        .hasMessageContaining(found);
  }

  @Test
  void overridesAreShort() {
    plan("Q4_0 override-kv=" + "k".repeat(127) + "=str:" + "é".repeat(63));
    for (String override : List.of("k".repeat(128) + "=int:1", "k=str:" + "é".repeat(64))) {
      assertThatThrownBy(() -> plan("Q4_0 override-kv=" + override))
          .isInstanceOf(PhialException.Usage.class)
          .hasMessageContaining("at most 127 bytes");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"imatrix", "metadata", "tensor-type-file"})
  void refusesFilesThatAreMissing(String option) {
    String precision = option.equals("metadata") ? "-" : "Q4_0";
    assertThatThrownBy(() -> plan("%s %s=FOLDER/missing".formatted(precision, option)))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("missing cannot be read: there is no such file");
  }

  @ParameterizedTest
  @CsvSource({
    "Q4_K_M, Q4_K, Q6_K, Q6_K",
    "Q4_K_M pure, Q4_K, Q4_K, Q4_K",
    "Q4_K_M leave-output-tensor, Q4_K, BF16, Q6_K",
    "Q4_K_M leave-output-tensor output-tensor-type=Q8_0, Q4_K, BF16, Q6_K",
    "Q4_K_M output-tensor-type=q8_0, Q4_K, Q8_0, Q6_K",
    "Q4_K_M token-embedding-type=F16, F16, Q6_K, Q6_K",
    "Q4_K_M tensor-type=ATTN=q5_0, Q4_K, Q6_K, Q5_0",
    "Q4_K_M tensor-type=blk\\.1\\.attn_qkv=Q5_0 tensor-type=attn=F32, Q4_K, Q6_K, Q5_0",
    "Q4_K_M tensor-type=.=IQ4_NL, IQ4_NL, IQ4_NL, IQ4_NL",
    "Q4_K_M pure tensor-type=output.weight=Q5_1, Q4_K, Q5_1, Q4_K",
    "Q4_K_M output-tensor-type=Q8_0 tensor-type=output=F32, Q4_K, Q8_0, Q6_K",
    "F16 tensor-type=attn=Q8_0, F16, F16, F16", // llama-quantize does not ask there either
    "COPY, BF16, BF16, BF16",
    "q4_k, Q4_K, Q6_K, Q6_K",
  })
  void choosesTypes(String words, String embedding, String output, String attention) {
    Map<String, String> formats = formats(plan(words));
    assertThat(formats)
        .containsEntry("token_embd.weight", embedding)
        .containsEntry("output.weight", output)
        .containsEntry("blk.1.attn_qkv.weight", attention)
        .containsEntry("blk.0.attn_norm.weight", "F32");
  }

  @Test
  void rulesMayComeFromAFile() throws IOException {
    Files.writeString(folder.resolve("rules"), "attn=Q5_0\n\n  ffn_up=Q5_1\tffn=Q8_0 ");
    Map<String, String> formats = formats(plan("Q4_0 tensor-type-file=FOLDER/rules"));
    assertThat(formats)
        .containsEntry("blk.1.attn_qkv.weight", "Q5_0")
        .containsEntry("blk.1.ffn_up.weight", "Q5_1")
        .containsEntry("blk.1.ffn_down.weight", "Q8_0");
  }

  @ParameterizedTest
  @CsvSource({
    "-, BF16",
    "- outtype=auto, BF16",
    "- outtype=f32, F32",
    "- outtype=f16, F16",
    "- outtype=bf16, BF16",
    "- outtype=q8_0, Q8_0"
  })
  void convertsWithoutATypeToQuantizeTo(String words, String type) {
    Planned job = plan(words);
    assertThat(job.plan().precision()).isEqualTo(type);
    assertThat(formats(job))
        .containsEntry("token_embd.weight", type)
        .containsEntry("output_norm.weight", "F32");
  }

  @Test
  void prunesLayers() {
    Planned job = plan("Q4_0 prune-layers=0");
    assertThat(metadata(job, "phi3.block_count")).isEqualTo("1");
    assertThat(formats(job).keySet())
        .contains("blk.0.attn_qkv.weight")
        .noneMatch(name -> name.startsWith("blk.1."));
    PlannedTensor kept =
        job.plan().tensors().stream()
            .filter(tensor -> tensor.name().equals("blk.0.attn_qkv.weight"))
            .findFirst()
            .orElseThrow();
    assertThat(kept.weight().layer()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"Q4_0", "-"})
  void overridesMetadataAtItsEnd(String precision) {
    Planned job =
        plan(
            precision
                + " override-kv=general.name=str:Mine override-kv=a.int=int:-7"
                + " override-kv=a.real=float:0.5 override-kv=a.flag=bool:true"
                + " override-kv=a.int=int:8 override-kv=a.empty=str:");
    List<Map.Entry<String, GgufValue>> last =
        List.copyOf(job.layouts().getFirst().metadata().entrySet());
    assertThat(last.subList(last.size() - 5, last.size()).stream().map(Object::toString))
        .containsExactly("general.name=Mine", "a.real=0.5", "a.flag=true", "a.int=8", "a.empty=");
  }

  @Test
  void namesTheModel() throws IOException {
    Files.writeString(folder.resolve("own.json"), "{\"general.author\":\"Me\"}");
    Planned job = plan("- model-name=Mine metadata=FOLDER/own.json");
    assertThat(metadata(job, "general.name")).isEqualTo("Mine");
    assertThat(metadata(job, "general.author")).isEqualTo("Me");
  }

  @ParameterizedTest
  @CsvSource({
    "imatrix={}, all",
    "imatrix={} include-weights=attn, attn",
    "imatrix={} include-weights=attn include-weights=ffn_up, attn ffn_up",
    "imatrix={} exclude-weights=ffn exclude-weights=output, attn",
  })
  void usesTheImportanceOfSomeTensors(String words, String names) {
    Planned job = plan("Q4_0 " + words.replace("{}", IMATRIX));
    List<String> wanted = List.of(names.split(" "));
    assertThat(job.important())
        .isNotEmpty()
        .allMatch(name ->
            names.equals("all")
                || wanted.stream().anyMatch(name::contains) && !name.equals("output.weight")
                || name.contains("attn_output"));
    assertThat(metadata(job, "quantize.imatrix.entries_count"))
        .isEqualTo(Integer.toString(job.important().size()));
    assertThat(metadata(job, "quantize.imatrix.file")).isEqualTo(cut(IMATRIX));
  }

  /** llama-quantize keeps 127 bytes. */
  private static String cut(String text) {
    return text.substring(0, Math.min(127, text.length()));
  }

  @Test
  void withoutEntriesThereIsNoImportance() {
    Planned job = plan("Q4_0 include-weights=nothing imatrix=" + IMATRIX);
    assertThat(job.important()).isEmpty();
    assertThat(metadata(job, "quantize.imatrix.file")).isEqualTo("null");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "IQ2_XXS",
        "Q4_0 tensor-type=ffn_down=IQ1_S",
        "Q4_0 token-embedding-type=IQ2_XS",
        "Q4_0 output-tensor-type=IQ2_XXS",
        "Q2_K_S"
      })
  void whatNeedsImportanceSaysSoBeforeAnythingIsDone(String words) {
    assertThatThrownBy(() -> plan(words))
        .isInstanceOf(PhialException.Unsupported.class)
        .hasMessageContaining("needs an importance matrix")
        .hasMessageContaining("--imatrix");
  }

  @Test
  void entriesOfAnotherModelAreRefused() {
    assertThatThrownBy(
            () -> plan(Fixtures.model("phi3-medium-128k"), "IQ2_M imatrix=" + tinyImatrix()))
        .isInstanceOf(PhialException.class)
        .hasMessageContaining("imatrix.gguf");
  }

  private static String tinyImatrix() {
    return MODEL.resolve("../../imatrix/tiny-phi3/imatrix.gguf").normalize().toString();
  }

  @Test
  void quantizingTwiceMustBeAllowed() {
    Path once = write(plan("Q4_0"), "once.gguf");
    assertThatThrownBy(() -> plan(once, "Q8_0"))
        .isInstanceOf(PhialException.Unsupported.class)
        .hasMessageContaining("--allow-requantize");
    assertThat(formats(plan(once, "Q8_0 allow-requantize")))
        .containsEntry("token_embd.weight", "Q8_0");
    assertThat(formats(plan(once, "COPY"))).containsEntry("token_embd.weight", "Q4_0");
    assertThatThrownBy(() -> plan(once, "-"))
        .isInstanceOf(PhialException.Usage.class)
        .hasMessageContaining("is a GGUF file already");
  }

  @Test
  void splitsAndKeepsSplits() {
    Planned job = plan("Q8_0 split-max-tensors=4");
    int files = (job.plan().tensors().size() + 3) / 4;
    assertThat(job.layouts()).hasSize(files);
    assertThat(job.layouts().getLast().metadata().keySet())
        .containsExactly("split.no", "split.tensors.count", "split.count");
    Path first = write(job, "many.gguf");
    assertThat(first.getFileName().toString())
        .isEqualTo("many-00001-of-%05d.gguf".formatted(files));
    assertThat(plan(first, "COPY").layouts()).hasSize(1);
    Planned kept = plan(first, "F16 allow-requantize keep-split");
    assertThat(kept.layouts()).hasSize(files);
    assertThat(formats(kept)).hasSameSizeAs(job.plan().tensors());
    Planned empty = plan("Q8_0 split-max-tensors=100 no-tensor-first-split");
    assertThat(empty.layouts().getFirst().tensors()).isEmpty();
    assertThat(empty.layouts()).hasSize(2);
  }

  @Test
  void splitsBySize() {
    Planned job = plan("F32 split-max-size=3M");
    assertThat(job.layouts()).hasSizeGreaterThan(2);
    for (GgufLayout layout : job.layouts()) {
      assertThat(layout.tensors().stream().mapToLong(GgufLayout::padded).sum())
          .isPositive()
          .isLessThanOrEqualTo(3_000_000);
    }
    assertThatThrownBy(() -> plan("F32 split-max-size=1M"))
        .isInstanceOf(PhialException.Usage.class)
        .hasMessageContaining("alone takes 2097152 bytes; allow more");
  }

  private Path write(Planned job, String name) {
    Path output = folder.resolve(name);
    try (Sink sink = job.layout().open(output, false)) {
      Pass.run(List.of(sink), 1, Progress.NONE);
    }
    return job.layout().files(output).getFirst();
  }

  @Test
  void tellsWhereLlamaDiffersFromTheReference() {
    assertThat(caveats("phi4-mini"))
        .singleElement()
        .asString()
        .contains("for texts of any length once its context (-c) is above 256 tokens");
    assertThat(caveats("tiny-phi3"))
        .containsExactly(
            "llama.cpp attends to the whole text; the reference looks back 511 tokens");
    assertThat(caveats("phi35-moe"))
        .hasSize(3)
        .anyMatch(caveat -> caveat.contains("SparseMixer"))
        .anyMatch(caveat -> caveat.contains("the checkpoint says 1.2430"));
    assertThat(caveats("phi4")).isEmpty();
    assertThat(caveats("phi3-small-8k")).isEmpty();
  }

  private static List<String> caveats(String model) {
    try (Checkpoint checkpoint = Sources.open(Fixtures.model(model))) {
      return new GgufTarget().caveats(Families.describe(checkpoint));
    }
  }
}

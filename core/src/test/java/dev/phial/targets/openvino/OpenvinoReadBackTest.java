package dev.phial.targets.openvino;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.Fixtures;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.Format;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.targets.ExportedFolder;
import dev.phial.targets.Weights;
import java.io.IOException;
import java.io.InputStream;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What was written is read back, and so is what optimum-intel writes. */
final class OpenvinoReadBackTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(
      strings = {
        "tiny-phi3",
        "phi2",
        "phi3-mini-4k",
        "phi3-medium-128k",
        "phi-tiny-moe",
        "phi35-moe",
        "phi4",
        "phi4-mini"
      })
  void wholeNumbersComeBack(String model) {
    ExportedFolder.write(new OpenvinoTarget(), model, "fp32", folder);
    try (Checkpoint original = Sources.open(Fixtures.model(model));
        Checkpoint again = Sources.open(folder.resolve("openvino"))) {
      assertThat(again.kind()).isEqualTo("openvino");
      ModelDescription expected = Families.describe(original);
      ModelDescription found = Families.describe(again);
      assertThat(found.hyperparameters()).isEqualTo(expected.hyperparameters());
      Map<String, Weight> weights = Weights.of(found);
      assertThat(weights).hasSameSizeAs(expected.weights());
      for (Weight weight : expected.weights()) {
        assertThat(Weights.values(get(weights, weight)))
            .as(weight.ggufName())
            .isEqualTo(Weights.values(weight));
      }
    }
  }

  /** As optimum-intel writes Phi-3.5-MoE without LongRoPE: positions times frequencies. */
  @Test
  void takesFrequenciesForNoParameter() throws IOException {
    ExportedFolder.write(new OpenvinoTarget(), "phi3-mini-4k", "fp32", folder);
    Path graph = folder.resolve("openvino/openvino_model.xml");
    String xml = Files.readString(graph);
    String product = layer(xml, "name=\"__module.model.rotary_emb/MatMul\"");
    String id = product.replaceAll("(?s).*<layer id=\"(\\d+)\".*", "$1");
    String frequencies =
        xml.replaceAll(
            "(?s).*from-layer=\"(\\d+)\" from-port=\"0\" to-layer=\"" + id + "\".*", "$1");
    String constant = layer(xml, "<layer id=\"" + frequencies + "\"");
    String swapped =
        xml.replace(
                constant,
                constant
                    .replace("shape=\"1, 32, 1\"", "shape=\"32, 1\"")
                    .replaceFirst("<dim>1</dim>", ""))
            .replace(product, product.replace("transpose_b=\"false\"", "transpose_b=\"true\""))
            .replaceAll("(to-layer=\"" + id + "\" to-port=\")0", "$12")
            .replaceAll("(to-layer=\"" + id + "\" to-port=\")1", "$10")
            .replaceAll("(to-layer=\"" + id + "\" to-port=\")2", "$11");
    Files.writeString(graph, swapped);
    try (Checkpoint again = Sources.open(folder.resolve("openvino"))) {
      assertThat(Families.describe(again).family().name()).isEqualTo("phi3");
    }
  }

  /** The layer that holds some text. */
  private static String layer(String xml, String text) {
    int start = xml.lastIndexOf("<layer ", xml.indexOf(text));
    return xml.substring(start, xml.indexOf("</layer>", start));
  }

  @ParameterizedTest
  @CsvSource({
    "tiny-phi3,int4",
    "tiny-phi3,'int4,sym,ratio=0.6,group-size=128'",
    "tiny-phi3,'int4,group-size=-1'",
    "tiny-phi3,'int4,all-layers'",
    "tiny-phi3,'int4,ratio=0.5,backup-precision=none'",
    "tiny-phi3,nf4",
    "tiny-phi3,'nf4,group-size=-1'",
    "tiny-phi3,mxfp4",
    "tiny-phi3,int8",
    "tiny-phi3,'int8,sym'",
    "phi2,int4",
    "phi2,int8",
    "phi35-moe,int4",
    "phi35-moe,int8",
    "phi4-mini,int4",
    "phi3-medium-128k,int4"
  })
  void everyCodeComesBack(String model, String spelling) {
    Set<Format> formats =
        ExportedFolder.write(new OpenvinoTarget(), model, spelling, folder).tensors().stream()
            .map(PlannedTensor::format)
            .collect(Collectors.toSet());
    try (Checkpoint original = Sources.open(Fixtures.model(model));
        Checkpoint again = Sources.open(folder.resolve("openvino"))) {
      ModelDescription expected = Families.describe(original);
      Map<String, Weight> weights = Weights.of(Families.describe(again));
      assertThat(weights).hasSameSizeAs(expected.weights());
      for (Weight weight : expected.weights()) {
        Weight other = get(weights, weight);
        assertThat(formats)
            .as("%s as %s", weight.ggufName(), other.encoding().name())
            .anyMatch(format -> Weights.areOf(format, weight, other));
      }
    }
  }

  /**
   * Every parameter is found in the graphs that optimum-intel writes, whose data is left away here.
   * {@code tools/make-openvino-golden.py layers} makes the files.
   */
  @ParameterizedTest
  @CsvSource({
    "phi2,fp32,F32",
    "tiny-phi3,int4-awq,UINT4G64",
    "tiny-phi3,mxfp4,MXFP4G32",
    "phi3-medium-128k,nf4,NF4G64",
    "phi35-moe,int8,UINT8",
    "phi4-mini,int4,UINT4G64"
  })
  void optimumsGraphsAreRead(String model, String precision, String encoding) throws IOException {
    String name = "%s-%s.xml.gz".formatted(model, precision);
    try (InputStream packed = OpenvinoReadBackTest.class.getResourceAsStream(name);
        InputStream graph = new GZIPInputStream(Objects.requireNonNull(packed))) {
      Files.copy(graph, folder.resolve("openvino_model.xml"));
    }
    try (RandomAccessFile data =
        new RandomAccessFile(folder.resolve("openvino_model.bin").toFile(), "rw")) {
      data.setLength(1 << 26); // a hole
    }
    Path source = Fixtures.model(model);
    Files.copy(source.resolve("config.json"), folder.resolve("config.json"));
    try (Checkpoint original = Sources.open(source);
        Checkpoint found = Sources.open(folder)) {
      ModelDescription expected = Families.describe(original);
      ModelDescription description = Families.describe(found);
      assertThat(description.hyperparameters()).isEqualTo(expected.hyperparameters());
      Map<String, Weight> weights = Weights.of(description);
      assertThat(weights).hasSameSizeAs(expected.weights());
      expected.weights().forEach(weight -> get(weights, weight));
      assertThat(description.weights())
          .anyMatch(weight -> weight.encoding().name().equals(encoding));
    }
  }

  private static Weight get(Map<String, Weight> weights, Weight like) {
    assertThat(weights).containsKey(Weights.key(like));
    return Objects.requireNonNull(weights.get(Weights.key(like)));
  }
}

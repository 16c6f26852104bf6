package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.phial.io.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** A Phi that calls itself something else: {@code --as FAMILY}. */
final class FamilyTest {
  private static final Path KNOWN = Path.of(Phial.model("tiny-phi3"));

  private static final List<String> FILES =
      List.of(
          "model.safetensors", "generation_config.json", "tokenizer.json", "tokenizer_config.json");

  @TempDir Path folder;

  private Path unknown;

  @BeforeEach
  void rename() throws IOException {
    unknown = Files.createDirectory(folder.resolve("tiny-phi3"));
    for (String file : FILES) {
      Files.copy(KNOWN.resolve(file), unknown.resolve(file));
    }
    Files.writeString(
        unknown.resolve("config.json"),
        Files.readString(KNOWN.resolve("config.json"))
            .replace("Phi3ForCausalLM", "PhinextForCausalLM")
            .replace("\"phi3\"", "\"phinext\""));
  }

  private Command.Result quantize(Path model, String to, String... more) {
    List<String> words = new ArrayList<>(List.of("quantize", model.toString(), "--to", "mlx:4"));
    words.addAll(List.of("-o", folder.resolve(to).toString()));
    words.addAll(List.of(more));
    return Phial.call(words);
  }

  @Test
  void whatFitsIsNamedAndReadWhenAsked() throws IOException {
    Command.Result refused = quantize(unknown, "refused");
    assertThat(refused.status()).isEqualTo(1);
    assertThat(refused.err())
        .contains(
            "found PhinextForCausalLM, whose tensors are those of phi3: name Phi3ForCausalLM in its config.json, or pass --as phi3");
    quantize(KNOWN, "known").succeeded();
    Command.Result read = quantize(unknown, "unknown", "--as", "phi3").succeeded();
    assertThat(read.err()).contains("read as phi3, as was asked for");
    for (String file : List.of("config.json", "model.safetensors")) {
      assertThat(folder.resolve("unknown").resolve(file))
          .hasSameBinaryContentAs(folder.resolve("known").resolve(file));
    }
  }

  @Test
  void itIsMeasuredAsWhatItIs() {
    List<String> words =
        new ArrayList<>(
            List.of("eval", unknown.toString(), KNOWN.toString(), "--context", "32", "--json"));
    words.addAll(List.of("--chunks", "1", "--as", "phi3"));
    JsonNode result = Json.MAPPER.readTree(Phial.call(words).succeeded().out());
    assertThat(result.path("candidates")).hasSize(1);
    assertThat(result.at("/candidates/0/kld_mean").doubleValue()).isCloseTo(0, within(1e-9));
  }

  @Test
  void whatDoesNotFitIsRefused() throws IOException {
    Command.Result misused = quantize(unknown, "out", "--as", "phi5");
    assertThat(misused.status()).isEqualTo(2);
    assertThat(misused.err()).contains("--as: expected one of phi2, phi3, ");
    assertThat(quantize(unknown, "out", "--as", "phi2").status()).isEqualTo(1);
    Path config = unknown.resolve("config.json");
    Files.writeString(
        config,
        Files.readString(config).replace("\"num_hidden_layers\": ", "\"num_hidden_layers\": 1"));
    Command.Result neither = quantize(unknown, "out");
    assertThat(neither.status()).isEqualTo(1);
    assertThat(neither.err()).contains("which fits none of these");
    assertThat(folder.resolve("out")).doesNotExist();
  }
}

package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.json.JsonMapper;

/** What is said of a model is said to people and to programs. */
final class NotesTest {
  @TempDir Path folder;

  @Test
  void areInJsonToo() throws IOException {
    Path model = Files.createDirectory(folder.resolve("model"));
    try (Stream<Path> files = Files.list(Path.of(Phial.model("phi4-mini")))) {
      for (Path file : files.toList()) {
        Files.copy(file, model.resolve(file.getFileName()));
      }
    }
    Files.writeString(model.resolve("adapter_config.json"), "{}");
    for (String command :
        List.of(
            "inspect",
            "plan",
            "plan --to gguf:Q8_0",
            "quantize --to gguf:Q8_0 --dry-run",
            "quantize --to gguf:Q8_0 -o " + folder.resolve("out.gguf"),
            "compare " + Phial.model("phi4-mini"))) {
      List<String> words = new ArrayList<>(List.of(command.split(" ")));
      words.add(1, model.toString());
      words.add("--json");
      Command.Result result = Phial.call(words).succeeded();
      assertThat(new JsonMapper().readTree(result.out()).path("notes"))
          .as(command)
          .singleElement()
          .satisfies(note -> assertThat(note.stringValue()).contains("--lora"));
      assertThat(result.err()).contains("note: ").contains("--lora");
    }
  }
}

package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What shells complete, and the manual page. */
@EnabledOnOs({OS.LINUX, OS.MAC})
final class CompletionTest {
  @TempDir Path folder;

  @Test
  void bashCompletesCommandsOptionsAndDevices() throws IOException {
    Path script = Files.writeString(folder.resolve("phial.bash"), completion("bash"));
    assertThat(completed(script, "phial", "qu")).contains("quantize");
    assertThat(completed(script, "phial", "plan", "--dev")).contains("--device", "--devices");
    assertThat(completed(script, "phial", "plan", "--device", "pi5")).contains("pi5-8gb");
  }

  /** What bash would offer for the last of the words. */
  private String completed(Path script, String... words) throws IOException {
    String line = String.join(" ", words);
    Path ask =
        Files.writeString(
            folder.resolve("ask.bash"),
            """
            source '%s'
            COMP_WORDS=(%s)
            COMP_CWORD=%d
            COMP_LINE='%s'
            COMP_POINT=%d
            _complete_phial
            printf '%%s\\n' "${COMPREPLY[@]}"
            """
                .formatted(script, line, words.length - 1, line, line.length()));
    return Command.run(folder, List.of("bash", ask.toString())).succeeded().out();
  }

  @Test
  void zshGetsTheSameAndFishItsOwn() {
    assertThat(completion("zsh")).isEqualTo(completion("bash"));
    assertThat(completion("fish").lines())
        .contains(
            "complete -c phial -f -n __fish_use_subcommand -a devices -d 'Lists the devices that phial plan --device knows.'")
        .anyMatch(line ->
            line.startsWith(
                "complete -c phial -n '__fish_seen_subcommand_from plan' -l device -r -f -a 'android-6gb "))
        .allMatch(line -> line.startsWith("complete -c phial ") || line.startsWith("#"));
  }

  @Test
  void theManualPageTellsEveryCommand() {
    String page = Phial.call(List.of("man")).succeeded().out();
    assertThat(page).startsWith(".TH PHIAL 1 ");
    for (String line :
        Phial.call(List.of("--help"))
            .out()
            .replaceFirst("(?s).*\nCommands\n", "")
            .lines()
            .toList()) {
      if (line.matches("  [a-z]+ .*")) {
        assertThat(page).contains(".SS phial " + line.strip().split(" ", 2)[0]);
      }
    }
    assertThat(page).contains(".SH FILES", "\\fB\\-\\-max\\-kl\\fR");
  }

  private static String completion(String shell) {
    return Phial.call(List.of("completion", shell)).succeeded().out();
  }
}

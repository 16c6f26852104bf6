package dev.phial.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class EntryLogTest {
  private static final byte[] FIRST = {1, 2, 3};
  private static final byte[] SECOND = {};
  private static final byte[] THIRD = {4};

  @TempDir Path folder;

  private Path file = Path.of("");

  @BeforeEach
  void write() {
    file = folder.resolve("work/log");
    try (EntryLog log = EntryLog.open(file)) {
      assertThat(log.take()).isEmpty();
      log.add(FIRST);
      log.add(SECOND);
      log.add(THIRD);
    }
  }

  @Test
  void givesBackWhatWasAdded() {
    try (EntryLog log = EntryLog.open(file)) {
      assertThat(log.take()).contains(FIRST);
      assertThat(log.take()).contains(SECOND);
      assertThat(log.take()).contains(THIRD);
      assertThat(log.take()).isEmpty();
    }
  }

  /** Cut anywhere, or damaged anywhere, it holds the entries before that and takes new ones. */
  @Test
  void dropsWhatIsNotComplete() throws IOException {
    byte[] whole = Files.readAllBytes(file);
    Random random = new Random(1);
    for (int i = 0; i < whole.length; i++) {
      int frame = FIRST.length + 16;
      int complete = i < frame ? 0 : i < frame + 16 ? 1 : 2;
      Files.write(file, Arrays.copyOf(whole, i));
      assertThat(goOn()).as("cut at %d", i).isEqualTo(complete);
      byte[] damaged = whole.clone();
      damaged[i] ^= (byte) (1 << random.nextInt(8));
      Files.write(file, damaged);
      assertThat(goOn()).as("damaged at %d", i).isEqualTo(complete);
    }
  }

  private int goOn() {
    int found = 0;
    try (EntryLog log = EntryLog.open(file)) {
      while (log.take().isPresent()) {
        found++;
      }
      log.add(THIRD);
    }
    try (EntryLog log = EntryLog.open(file)) {
      for (int i = 0; i < found; i++) {
        log.take();
      }
      assertThat(log.take()).contains(THIRD);
      assertThat(log.take()).isEmpty();
    }
    return found;
  }

  @Test
  void belongsToOne() {
    try (EntryLog log = EntryLog.open(file)) {
      assertThatThrownBy(() -> EntryLog.open(file))
          .isInstanceOf(PhialException.OutputFailed.class)
          .hasMessageContaining("expected to be alone with it");
      log.remove();
    }
    assertThat(file).doesNotExist();
  }

  @Test
  void saysWhereItCannotBe() {
    assertThatThrownBy(() -> EntryLog.open(file.resolve("below/log")))
        .isInstanceOf(PhialException.OutputFailed.class)
        .hasMessageContaining(file.toString());
  }
}

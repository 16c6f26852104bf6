package dev.phial.source;

import com.code_intelligence.jazzer.junit.DictionaryEntries;
import com.code_intelligence.jazzer.junit.FuzzTest;
import java.lang.foreign.Arena;
import java.nio.file.Path;

final class TorchPickleFuzzTest {
  private static final Path FILE = Fuzzing.folder().resolve("pytorch_model.bin");

  @FuzzTest
  void readsArchives(byte[] bytes) {
    read(bytes);
  }

  /** A sound archive, so that the pickle machine is reached. */
  @FuzzTest
  @DictionaryEntries({
    "ctorch\\x0aCharStorage\\x0a",
    "ccollections\\x0aOrderedDict\\x0a",
    "ctorch._utils\\x0a_rebuild_tensor_v2\\x0a",
    "ctorch._utils\\x0a_rebuild_tensor_v3\\x0a",
    "ctorch._utils\\x0a_rebuild_parameter\\x0a",
    "ctorch.storage\\x0aUntypedStorage\\x0a",
    "X\\x07\\x00\\x00\\x00storage"
  })
  void readsPickles(byte[] pickle) {
    read(TorchFile.checkpoint(pickle));
  }

  private static void read(byte[] bytes) {
    Fuzzing.readOrRefuse(
        Fuzzing.write(FILE, bytes),
        () -> {
          try (Arena arena = Arena.ofConfined()) {
            Fuzzing.decode(TorchPickle.read(FILE, arena));
          }
        });
  }
}

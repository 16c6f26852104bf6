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
    "ctorch\nCharStorage\n",
    "ccollections\nOrderedDict\n",
    "ctorch._utils\n_rebuild_tensor_v2\n",
    "ctorch._utils\n_rebuild_tensor_v3\n",
    "ctorch._utils\n_rebuild_parameter\n",
    "ctorch.storage\nUntypedStorage\n",
    "X\7\0\0\0storage"
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

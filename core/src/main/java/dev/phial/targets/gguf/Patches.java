package dev.phial.targets.gguf;

import dev.phial.plan.PlannedTensor;
import dev.phial.targets.layout.Out;
import dev.phial.targets.layout.Slot;
import dev.phial.targets.layout.Store;
import java.util.List;

/**
 * Rows of patches, channels innermost, as convolutions have them: {@code [patch, patch, channels]}
 * becomes {@code [channels, patch, patch]}.
 *
 * @param tensor of plain numbers
 * @param patch pixels of a side
 */
record Patches(PlannedTensor tensor, Slot slot, int patch) implements Store {
  @Override
  public List<Slot> slots() {
    return List.of(slot);
  }

  @Override
  public Writing open(Out out) {
    int bytes = tensor.format().blockBytes();
    int pixels = patch * patch;
    int channels = tensor.columns() / pixels;
    return (blocks, row, rows) -> {
      byte[] moved = new byte[rows * tensor.columns() * bytes];
      for (int i = 0; i < rows * tensor.columns(); i++) {
        int start = i / tensor.columns() * tensor.columns();
        int pixel = (i - start) / channels;
        int channel = (i - start) % channels;
        System.arraycopy(
            blocks, i * bytes, moved, (start + channel * pixels + pixel) * bytes, bytes);
      }
      out.write(slot, moved, row * tensor.columns() * bytes);
    };
  }
}

package dev.phial.targets.gguf;

import dev.phial.choose.Choosing;
import dev.phial.choose.Importance;
import dev.phial.plan.PlannedTensor;
import dev.phial.targets.Manifest;
import dev.phial.targets.Request;
import dev.phial.targets.layout.Content;
import dev.phial.targets.layout.FileNames;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.RowStore;
import dev.phial.targets.layout.Slot;
import java.util.List;
import java.util.Optional;

/**
 * One or several GGUF files.
 *
 * @param precision for display
 * @param importance of the columns, for the types that look at it
 */
record GgufFiles(String precision, List<GgufLayout> files, Importance importance) {
  private static final String REMEDY = "choose BF16, or --tensor-type for this tensor";

  /**
   * @param mmproj a file beside them
   */
  Layout layout(Request request, Optional<Mmproj> mmproj, Optional<Manifest> manifest) {
    Layout.Builder builder =
        new Layout.Builder(
            request.model(), FileNames.FILES, new Choosing(request.method(), importance, REMEDY));
    for (int i = 0; i < files.size(); i++) {
      add(builder, files.get(i), name(i));
    }
    mmproj.ifPresent(file -> file.addTo(builder));
    manifest.ifPresent(builder::manifest);
    return builder.build("gguf", precision, "");
  }

  private String name(int index) {
    return files.getFirst().metadata().containsKey("split.count")
        ? "-%05d-of-%05d".formatted(index + 1, files.size())
        : "";
  }

  private static void add(Layout.Builder builder, GgufLayout file, String name) {
    byte[] header = file.header();
    builder.file(name, header);
    long offset = header.length;
    for (PlannedTensor tensor : file.tensors()) {
      Slot slot = Slot.of(tensor.name(), tensor.bytes());
      builder.place(slot, name, offset).region(tensor, RowStore.of(tensor, slot));
      pad(builder, tensor, name, offset);
      offset += GgufLayout.padded(tensor);
    }
  }

  /** Fills what is left after a tensor that begins at an offset. */
  static void pad(Layout.Builder builder, PlannedTensor tensor, String name, long offset) {
    int padding = (int) (GgufLayout.padded(tensor) - tensor.bytes());
    if (padding > 0) {
      Slot end = Slot.of("padding after " + tensor.name(), padding);
      builder.place(end, name, offset + tensor.bytes()).content(end, Content.of(new byte[padding]));
    }
  }
}

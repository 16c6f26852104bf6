package dev.phial.targets.onnx;

import dev.phial.plan.PlannedTensor;
import dev.phial.targets.layout.Content;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.Slot;
import dev.phial.targets.layout.Store;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** A file beside graphs that holds their tensors one after the other, without gaps. */
final class OnnxData {
  /** When ONNX Runtime's quantizer would have added a tensor: plain ones come first. */
  enum Turn {
    PLAIN,
    QUANTIZED,
    UPGRADED
  }

  private final String name;
  private final List<Entry> entries = new ArrayList<>();

  /** Either a store with the tensor that goes there, or content. */
  private record Entry(
      List<Initializer> initializers,
      Turn turn,
      Optional<PlannedTensor> tensor,
      Optional<Store> store,
      Optional<Content> content) {}

  /**
   * @param graph the name of the graph that it goes with
   */
  OnnxData(String graph) {
    this.name = graph + ".data";
  }

  /** The name of the file. */
  String name() {
    return name;
  }

  /** Adds what is made of parameters. */
  void add(PlannedTensor tensor, Store store, Turn turn) {
    List<Initializer> initializers = store.slots().stream().map(Initializer.class::cast).toList();
    entries.add(
        new Entry(initializers, turn, Optional.of(tensor), Optional.of(store), Optional.empty()));
  }

  /** Adds what follows from no parameter, or is known already. */
  void add(Initializer initializer, Content content) {
    entries.add(
        new Entry(
            List.of(initializer),
            Turn.PLAIN,
            Optional.empty(),
            Optional.empty(),
            Optional.of(content)));
  }

  private List<Entry> ordered() {
    return entries.stream().sorted(Comparator.comparing(Entry::turn)).toList();
  }

  /** Where each tensor begins, in the order of the file. */
  Map<Initializer, Long> offsets() {
    Map<Initializer, Long> offsets = new LinkedHashMap<>();
    long offset = 0;
    for (Entry entry : ordered()) {
      for (Initializer initializer : entry.initializers) {
        offsets.put(initializer, offset);
        offset += initializer.bytes();
      }
    }
    return offsets;
  }

  void addTo(Layout.Builder layout) {
    Map<Initializer, Long> offsets = offsets();
    for (Entry entry : ordered()) {
      for (Slot slot : entry.initializers) {
        layout.place(slot, name, offsets.getOrDefault(slot, 0L));
        entry.content.ifPresent(content -> layout.content(slot, content));
      }
      entry.tensor.ifPresent(tensor -> layout.region(tensor, entry.store.orElseThrow()));
    }
  }
}

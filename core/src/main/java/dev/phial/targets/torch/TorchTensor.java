package dev.phial.targets.torch;

import dev.phial.plan.PlannedTensor;
import dev.phial.targets.layout.Content;
import dev.phial.targets.layout.SafetensorsFile.Entry;
import dev.phial.targets.layout.Store;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What becomes of a parameter.
 *
 * @param store of its blocks
 * @param contents of entries that follow from no parameter
 */
record TorchTensor(PlannedTensor planned, Store store, Map<Entry, Content> contents) {
  TorchTensor {
    contents = new LinkedHashMap<>(contents);
  }

  TorchTensor(PlannedTensor planned, Store store) {
    this(planned, store, Map.of());
  }

  List<Entry> entries() {
    List<Entry> entries = new ArrayList<>(contents.keySet());
    store.slots().forEach(slot -> entries.add((Entry) slot));
    return entries;
  }
}

package dev.phial.engine.jinja;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What {@code loop} stands for.
 *
 * @param place from 0
 * @param depth loops around it, from 0
 * @param again what {@code loop(items)} does in a recursive loop
 */
record Loop(List<@Nullable Object> items, int place, int depth, Function again)
    implements Function {

  Map<String, @Nullable Object> attributes() {
    Map<String, @Nullable Object> values = new HashMap<>();
    values.put("index", place + 1L);
    values.put("index0", (long) place);
    values.put("revindex", (long) items.size() - place);
    values.put("revindex0", items.size() - place - 1L);
    values.put("first", place == 0);
    values.put("last", place == items.size() - 1);
    values.put("length", (long) items.size());
    values.put("depth", depth + 1L);
    values.put("depth0", (long) depth);
    values.put("previtem", place > 0 ? items.get(place - 1) : new Undefined("previtem"));
    values.put(
        "nextitem", place + 1 < items.size() ? items.get(place + 1) : new Undefined("nextitem"));
    Function cycle =
        arguments ->
            arguments.values().isEmpty()
                ? new Undefined("cycle")
                : arguments.values().get(place % arguments.values().size());
    values.put("cycle", cycle);
    return values;
  }

  @Override
  public @Nullable Object call(Arguments arguments) {
    return again.call(arguments);
  }
}

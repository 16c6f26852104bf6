package dev.phial.cli;

import dev.phial.engine.advise.Device;
import dev.phial.engine.advise.DeviceTable;
import dev.phial.engine.advise.Figure;
import dev.phial.engine.advise.Use;
import dev.phial.io.Json;
import dev.phial.io.Sizes;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code phial devices}: what is known of the devices that models are made for. */
@Command(
    name = "devices",
    header = "Lists the devices that phial plan --device knows.",
    description = "With NAME: every figure of that device, and where it was read.",
    footer = {
      "",
      "Memory is that of the card, where there is one; usable is the share a model may take of it."
    },
    customSynopsis = "phial devices [NAME] [--devices FILE] [--json]",
    sortOptions = false)
final class DevicesCommand implements Callable<Integer> {
  @Parameters(index = "0", arity = "0..1", paramLabel = "NAME", description = "One of the list.")
  private Optional<String> name = Optional.empty();

  @Option(names = "--devices", paramLabel = "FILE", description = DeviceOptions.TABLE)
  private Optional<Path> table = Optional.empty();

  @Option(names = "--json", description = "Print the result as JSON.")
  private boolean json;

  @Override
  public Integer call() {
    DeviceTable known = DeviceOptions.table(table);
    List<Device> devices =
        name.map(one -> List.of(DeviceOptions.device(known, one))).orElseGet(known::devices);
    if (json) {
      ObjectNode result = Json.MAPPER.createObjectNode();
      ArrayNode entries = result.putArray("devices");
      devices.forEach(device -> describe(device, entries.addObject()));
      JsonResult.print(result);
    } else if (name.isPresent()) {
      print(devices.getFirst());
    } else {
      print(devices);
    }
    return Main.DONE;
  }

  private static void print(List<Device> devices) {
    Table table =
        new Table("llrrl").row("name", "device", "for a model", "GB/s", "files that run there");
    for (Device device : devices) {
      table.row(
          device.name(),
          device.title(),
          Sizes.of(device.room()),
          device.bandwidth().map(DevicesCommand::plain).orElse("?"),
          device.uses().stream().map(Use::target).distinct().collect(Collectors.joining(" ")));
    }
    table.print(System.out);
  }

  private static void print(Device device) {
    System.out.printf("%s: %s, %s%n%n", device.name(), device.title(), device.kind());
    Table figures = new Table("lrl");
    figures.row("memory", plain(device.memory()) + " GiB", device.memory().source());
    figures.row(
        "usable",
        String.format(Locale.ROOT, "%.0f %%", 100 * device.usable().value()),
        device.usable().source());
    device
        .bandwidth()
        .ifPresent(
            bandwidth -> figures.row("bandwidth", plain(bandwidth) + " GB/s", bandwidth.source()));
    figures.print(System.out);
    System.out.println();
    Table uses = new Table("lllll").row("runtime", "--to", "on", "precisions", "source");
    for (Use use : device.uses()) {
      uses.row(
          use.runtime().name(),
          use.target() + use.suffix(),
          use.unit(),
          use.precisions().isEmpty() ? "all" : String.join(" ", use.precisions()),
          use.source() + (use.note().isEmpty() ? "" : "; " + use.note()));
    }
    uses.print(System.out);
  }

  private static String plain(Figure figure) {
    double value = figure.value();
    return value == Math.rint(value)
        ? String.valueOf((long) value)
        : String.format(Locale.ROOT, "%.1f", value);
  }

  /** Fills in what every JSON about a device tells. */
  static void describe(Device device, ObjectNode to) {
    to.put("name", device.name()).put("title", device.title()).put("kind", device.kind());
    put(device.memory(), to.putObject("memory_gib"));
    put(device.usable(), to.putObject("usable"));
    device.bandwidth().ifPresent(bandwidth -> put(bandwidth, to.putObject("bandwidth_gbs")));
    to.put("room_bytes", device.room());
    ArrayNode uses = to.putArray("runtimes");
    for (Use use : device.uses()) {
      ObjectNode entry = uses.addObject();
      entry
          .put("runtime", use.runtime().name())
          .put("target", use.target())
          .put("to", use.target() + use.suffix())
          .put("unit", use.unit());
      ArrayNode precisions = entry.putArray("precisions");
      use.precisions().forEach(precisions::add);
      entry.put("cache_bits", use.cacheBits()).put("note", use.note()).put("source", use.source());
    }
  }

  private static void put(Figure figure, ObjectNode to) {
    to.put("value", figure.value()).put("source", figure.source());
  }
}

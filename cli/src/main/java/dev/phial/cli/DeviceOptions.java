package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.engine.advise.Advisor;
import dev.phial.engine.advise.Device;
import dev.phial.engine.advise.DeviceTable;
import dev.phial.engine.advise.MeasuredLosses;
import dev.phial.io.Sizes;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import picocli.CommandLine.Option;

/** Where a model is to run, and what is known of it. */
final class DeviceOptions {
  static final String TABLE =
      "Devices in a file of yours, which corrects and extends the table of phial devices.";

  private static final Pattern SIZE =
      Pattern.compile("(\\d{1,6}(?:\\.\\d{1,3})?) ?(MB|GB|TB|MiB|GiB|M|G)");
  private static final Map<String, Double> UNITS =
      Map.of("M", 1e6, "MB", 1e6, "G", 1e9, "GB", 1e9, "TB", 1e12, "MiB", 0x1p20, "GiB", 0x1p30);

  @Option(
      names = "--device",
      paramLabel = "NAME",
      completionCandidates = Names.class,
      description = "Where the model is to run, one of phial devices.")
  private Optional<String> device = Optional.empty();

  @Option(
      names = "--ram",
      paramLabel = "SIZE",
      description = "Instead: memory that the model may take there, such as 6GB.")
  private Optional<String> ram = Optional.empty();

  @Option(names = "--devices", paramLabel = "FILE", description = TABLE)
  private Optional<Path> table = Optional.empty();

  @Option(
      names = "--evaluation",
      paramLabel = "FILE",
      description =
          "What phial eval MODEL --types … --json printed: measured losses decide between the files that fit.")
  private Optional<Path> evaluation = Optional.empty();

  /** For shells to complete. */
  static final class Names implements Iterable<String> {
    @Override
    public Iterator<String> iterator() {
      return DeviceTable.read().devices().stream().map(Device::name).iterator();
    }
  }

  boolean areGiven() {
    if (device.isPresent() && ram.isPresent()) {
      throw new PhialException.Usage("--device and --ram exclude each other");
    }
    boolean given = device.isPresent() || ram.isPresent();
    if (!given && (table.isPresent() || evaluation.isPresent())) {
      throw new PhialException.Usage("--devices and --evaluation are for --device or --ram");
    }
    return given;
  }

  Advisor advisor(int context) {
    DeviceTable known = table(table);
    Device found =
        device
            .map(name -> device(known, name))
            .orElseGet(() -> {
              long bytes = bytes(ram.orElseThrow());
              return known.ofMemory(bytes, Sizes.of(bytes) + " of memory");
            });
    return new Advisor(
        found, context, evaluation.map(MeasuredLosses::read).orElse(MeasuredLosses.NONE));
  }

  /**
   * @throws PhialException.Usage if there is none of that name
   */
  static Device device(DeviceTable table, String name) {
    return table
        .device(name)
        .orElseThrow(() ->
            new PhialException.Usage(
                "there is no device %s in the table%s; phial devices lists it, --ram 6GB asks for any"
                    .formatted(
                        name,
                        Nearest.to(name, table.devices().stream().map(Device::name).toList())
                            .map(" (did you mean %s?)"::formatted)
                            .orElse(""))));
  }

  static DeviceTable table(Optional<Path> file) {
    return file.map(DeviceTable::read).orElseGet(DeviceTable::read);
  }

  /** Files that were read. */
  List<Path> files() {
    return Stream.of(table, evaluation).flatMap(Optional::stream).toList();
  }

  private static long bytes(String size) {
    Matcher matcher = SIZE.matcher(size);
    if (!matcher.matches() || Double.parseDouble(matcher.group(1)) == 0) {
      throw new PhialException.Usage(
          "--ram: expected a number and MB, GB, MiB or GiB, found " + size);
    }
    return Math.round(
        Double.parseDouble(matcher.group(1)) * UNITS.getOrDefault(matcher.group(2), 1.0));
  }
}

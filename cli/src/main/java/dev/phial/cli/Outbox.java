package dev.phial.cli;

import static java.util.stream.Collectors.joining;

import dev.phial.PhialException;
import dev.phial.engine.convert.Conversion;
import dev.phial.engine.work.Delivery;
import dev.phial.engine.work.Workers;
import dev.phial.io.Inputs;
import dev.phial.io.Progress;
import dev.phial.io.ScratchFolder;
import java.io.File;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Where outputs are written: the place that a user names, or one from which they go into a file
 * system of the cluster when they are complete.
 */
final class Outbox implements AutoCloseable {
  /** A file system and a folder of it; and a name, which is not that of the folder itself. */
  private static final Pattern NAMED =
      Pattern.compile("([^/]+(?://[^/]*)?+/(?:.*/)?)(?!\\.{1,2}/*$)([^/]+)/*");

  private final Path place;
  private final Optional<Elsewhere> elsewhere;

  private Outbox(Path place, Optional<Elsewhere> elsewhere) {
    this.place = place;
    this.elsewhere = elsewhere;
  }

  /**
   * A folder of the cluster, which the scratch folder stands for until then.
   *
   * @param folder its URI, with a slash at the end
   * @param keeps whether what cannot be delivered stays here
   */
  private record Elsewhere(Workers workers, String folder, ScratchFolder scratch, boolean keeps) {
    String uri(Path here) {
      return folder + scratch.path().relativize(here).toString().replace(File.separatorChar, '/');
    }

    Delivery delivery(Conversion.Output out, boolean replace) {
      return new Delivery(
          uri(out.path()), out.files(), out.order().target().writesFolder(), replace);
    }

    /** Keeps an output on this machine, which may have taken hours, and has the failure say so. */
    PhialException undelivered(Conversion.Output out, PhialException why) {
      if (!keeps) {
        return why;
      }
      String to = uri(out.path());
      try {
        Path kept = scratch.keep(out.entries());
        return new PhialException.OutputFailed(
            "%s; what was made is kept: hadoop fs -put %s/* %s"
                .formatted(
                    why.getMessage(),
                    Shell.quoted(kept.toString()),
                    Shell.quoted(to.substring(0, to.lastIndexOf('/') + 1))),
            why);
      } catch (IOException e) {
        why.addSuppressed(e);
        return why;
      }
    }
  }

  /**
   * Makes one.
   *
   * @param where a path, or a URI if there are workers
   * @param keeps whether an output that cannot be brought to the URI stays on this machine
   * @throws PhialException.Usage if it is a URI that nothing can be called by
   */
  static Outbox at(String where, Optional<Workers> workers, boolean keeps) {
    if (!Workers.isTheirs(where)) {
      return new Outbox(Path.of(where), Optional.empty());
    }
    if (workers.isEmpty()) {
      throw new PhialException.Usage(
          "%s: expected a path; into a file system of a cluster, phial spark quantize and batch write"
              .formatted(where));
    }
    String plain = Workers.plain(where);
    if (plain.startsWith("file:")) {
      throw new PhialException.Usage(
          "%s: expected a path, found the URI of one; leave out file:".formatted(where));
    }
    Matcher uri = NAMED.matcher(plain);
    if (!uri.matches()) {
      throw new PhialException.Usage(
          "%s: expected a name below the host or bucket, as in hdfs://host/models/phi-4-gguf"
              .formatted(where));
    }
    ScratchFolder scratch = ScratchFolder.create("outputs", uri.group(2));
    return new Outbox(
        scratch.path().resolve(uri.group(2)),
        Optional.of(new Elsewhere(workers.get(), uri.group(1), scratch, keeps)));
  }

  /** On this machine. */
  Path place() {
    return place;
  }

  /** What the user calls a place here. */
  String shown(Path here) {
    return elsewhere.map(there -> there.uri(here)).orElseGet(here::toString);
  }

  /**
   * A command line that loads what is here, or has been fetched first from where it belongs.
   *
   * @param here a folder, or files of which the first is loaded
   * @param loading makes one for a place
   */
  String command(List<Path> here, UnaryOperator<String> loading) {
    Path first = here.getFirst();
    return elsewhere
        .map(there ->
            "hadoop fs -get %s . && %s"
                .formatted(
                    here.stream().map(there::uri).map(Shell::quoted).collect(joining(" ")),
                    loading.apply(Shell.quoted(String.valueOf(first.getFileName())))))
        .orElseGet(() -> loading.apply(Shell.quoted(first.toString())));
  }

  /** Checks and does a conversion whose outputs are here, and brings them where they belong. */
  Conversion.Result run(Conversion conversion, Inputs inputs) {
    conversion.check(inputs);
    elsewhere.ifPresent(there -> check(conversion, there));
    Conversion.Result result = conversion.run(Bar.progress());
    return elsewhere.map(there -> deliver(result, conversion.replace(), there)).orElse(result);
  }

  private static void check(Conversion conversion, Elsewhere there) {
    long bytes = bytes(conversion.outputs());
    conversion
        .outputs()
        .forEach(out -> there.workers.check(there.delivery(out, conversion.replace()), bytes));
  }

  /** Each that cannot be delivered fails by itself. */
  private static Conversion.Result deliver(
      Conversion.Result made, boolean replace, Elsewhere there) {
    List<Conversion.Output> delivered = new ArrayList<>();
    Map<Path, PhialException> failures = new LinkedHashMap<>(made.failures());
    try (Progress.Stage stage = Bar.progress().begin(Progress.Unit.BYTES, bytes(made.written()))) {
      for (Conversion.Output out : made.written()) {
        Delivery delivery = there.delivery(out, replace);
        try {
          there.workers.deliver(delivery, bytes -> stage.advance(delivery.to(), bytes));
          delivered.add(out);
        } catch (PhialException e) {
          failures.put(out.path(), there.undelivered(out, e));
        }
      }
    }
    return new Conversion.Result(delivered, failures);
  }

  private static long bytes(List<Conversion.Output> outputs) {
    return outputs.stream().mapToLong(out -> out.order().layout().plan().bytes()).sum();
  }

  /** Removes what stood for a folder of the cluster. */
  @Override
  public void close() {
    elsewhere.ifPresent(there -> there.scratch.close());
  }
}

package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.server.Server;
import dev.phial.server.ServerSettings;
import dev.phial.server.StudioSettings;
import dev.phial.source.Checkpoint;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** {@code phial serve}: models behind OpenAI's protocol. */
@Command(
    name = "serve",
    header = "Serves models over HTTP, by OpenAI's protocol.",
    description =
        "Answers /v1/chat/completions, /v1/completions and /v1/models as OpenAI's clients expect it, many conversations in"
            + " one pass. It ends on Ctrl-C or SIGTERM, when the answers that have begun are given.",
    customSynopsis = "phial serve [[NAME=]MODEL...] [--models DIR] [--port N] [OPTIONS]",
    footer = {
      "",
      "To try it: phial serve demo --models ., then open http://127.0.0.1:8080 in a browser",
      "Only this machine reaches it, unless --host says otherwise; then a key must be set.",
      "What a request does not say about sampling is as the model recommends it."
    },
    sortOptions = false)
final class ServeCommand implements Callable<Integer> {
  /** How long answers that have begun may take when the server ends. */
  private static final Duration PATIENCE = Duration.ofSeconds(10);

  private static final String KEY = "PHIAL_API_KEY";

  @Parameters(
      index = "0..*",
      paramLabel = "[NAME=]MODEL",
      description =
          "A folder with a checkpoint, a GGUF file, or demo; clients call it NAME, or what the folder"
              + " or file is called.")
  private List<String> models = List.of();

  @Option(
      names = "--models",
      paramLabel = "DIR",
      description =
          "A folder whose models the page may convert, measure and load; what it makes goes into the"
              + " first one.")
  private List<Path> folders = new ArrayList<>();

  @Option(
      names = "--host",
      paramLabel = "HOST",
      description = "Where to listen; 127.0.0.1 by default, which only this machine reaches.")
  private String host = "127.0.0.1";

  @Option(
      names = "--port",
      paramLabel = "N",
      description = "8080 by default; 0 for any that is free.")
  private int port = 8080;

  @Option(
      names = "--api-key",
      paramLabel = "KEY",
      description =
          "What clients must send as Authorization: Bearer KEY. Others on this machine may see it here;"
              + " better is the variable "
              + KEY
              + ".")
  private Optional<String> key = Optional.empty();

  @Option(
      names = "--allow-host",
      paramLabel = "NAME",
      description = "A name by which clients call this server, besides its address and localhost.")
  private List<String> names = new ArrayList<>();

  @Option(
      names = {"-c", "--context"},
      paramLabel = "N",
      description =
          "Tokens that a conversation may have; by default what the model was trained for, or what the"
              + " memory holds.")
  private Optional<Integer> context = Optional.empty();

  @Option(
      names = {"-n", "--max-tokens"},
      paramLabel = "N",
      description = "Tokens that a request may ask for; by default what the context holds.")
  private Optional<Integer> most = Optional.empty();

  @Option(
      names = "--memory",
      paramLabel = "SIZE",
      description =
          "What models and conversations may take, such as 6G; three quarters of what is free by"
              + " default.")
  private Optional<String> memory = Optional.empty();

  @Option(
      names = "--parallel",
      paramLabel = "N",
      description = "Texts of a model that go through it together; 8 by default.")
  private int parallel = 8;

  @Option(
      names = "--queue",
      paramLabel = "N",
      description = "Texts that may wait for that; 128 by default. Those beyond are refused.")
  private int queue = 128;

  @Option(
      names = "--timeout",
      paramLabel = "SECONDS",
      description = "What a request may take; 600 by default.")
  private int timeout = 600;

  @Option(
      names = "--max-body",
      paramLabel = "MB",
      description = "What a request may have; 4 by default.")
  private int body = 4;

  @Option(
      names = {"-t", "--threads"},
      paramLabel = "N",
      description = Threads.DESCRIPTION)
  private int threads = Threads.usual();

  @Override
  public Integer call() throws InterruptedException {
    check();
    if (models.isEmpty() && folders.isEmpty()) {
      throw new PhialException.Usage("expected a MODEL, such as demo, or --models DIR, found none");
    }
    ServerSettings settings =
        new ServerSettings(
            host,
            port,
            key.or(() -> Optional.ofNullable(System.getenv(KEY))).filter(text -> !text.isBlank()),
            names,
            body << 20,
            parallel,
            queue,
            most.map(OptionalInt::of).orElse(OptionalInt.empty()),
            context.map(OptionalInt::of).orElse(OptionalInt.empty()),
            Memory.bytes(memory),
            Duration.ofSeconds(timeout),
            threads);
    Map<String, Checkpoint> checkpoints = new LinkedHashMap<>();
    try {
      for (String model : models) {
        open(model, checkpoints);
      }
      StudioSettings reached =
          folders.isEmpty()
              ? StudioSettings.NONE
              : new StudioSettings(folders, Map.of(Demo.NAME, Demo.folder()));
      Server server = Server.start(settings, checkpoints, reached);
      Runtime.getRuntime().addShutdownHook(Thread.ofPlatform().unstarted(() -> close(server)));
      server.describe().forEach(line -> System.err.println("serving " + line));
      String place = "http://" + name(server.address());
      System.err.println("a page to work with: " + place);
      System.out.println(place + "/v1");
      new CountDownLatch(1).await(); // a signal ends the process, by way of the hook
      return Main.DONE;
    } finally {
      checkpoints.values().forEach(Checkpoint::close);
    }
  }

  /** Ends a server, but does not wait for a pass that takes for ever. */
  private static void close(Server server) {
    Thread closing = Thread.ofPlatform().daemon().start(() -> server.close(PATIENCE));
    try {
      closing.join(PATIENCE.plus(PATIENCE));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void check() {
    Threads.check(threads);
    check("--port", port, 0, 65_535);
    check("--parallel", parallel, 1, 256);
    check("--queue", queue, 0, 100_000);
    check("--timeout", timeout, 1, 1_000_000);
    check("--max-body", body, 1, 256);
    context.ifPresent(tokens -> check("--context", tokens, 1, Integer.MAX_VALUE));
    most.ifPresent(tokens -> check("--max-tokens", tokens, 1, Integer.MAX_VALUE));
  }

  private static void check(String option, int value, int least, int most) {
    if (value < least || value > most) {
      throw new PhialException.Usage(
          "%s: expected %d to %d, found %d".formatted(option, least, most, value));
    }
  }

  /** Opens a model and gives it the name that clients call it by. */
  private static void open(String argument, Map<String, Checkpoint> checkpoints) {
    int equals = argument.indexOf('=');
    boolean isNamed = equals > 0 && !Files.exists(Path.of(argument));
    String model = isNamed ? argument.substring(equals + 1) : argument;
    Checkpoint checkpoint = ModelArgument.open(model);
    String id =
        isNamed
            ? argument.substring(0, equals)
            : model.equals(Demo.NAME) ? model : checkpoint.name();
    Checkpoint other = checkpoints.putIfAbsent(id, checkpoint);
    if (other != null) {
      checkpoint.close();
      throw new PhialException.Usage(
          "%s and %s are both called %s; give one another name, as NAME=%s"
              .formatted(other.path(), checkpoint.path(), id, model));
    }
  }

  private static String name(InetSocketAddress address) {
    String host = address.getAddress().getHostAddress();
    return (host.contains(":") ? "[" + host + "]" : host) + ":" + address.getPort();
  }
}

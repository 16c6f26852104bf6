package dev.phial.engine.hub;

import dev.phial.PhialException;
import dev.phial.engine.arrive.ArrivingModel;
import dev.phial.io.Progress;
import dev.phial.io.Sizes;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletionService;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Brings models from the Hugging Face hub into the folder where all its tools keep them, or opens
 * them where they are.
 */
public final class Hub implements AutoCloseable {
  private static final int AT_ONCE = 4; // files
  private static final long LOCK_PAUSE = 200; // milliseconds

  private final HubClient client;
  private final Depot depot;

  private Hub(HubSettings settings, HubClient.Patience patience, Depot depot) {
    this.client = new HubClient(settings, patience);
    this.depot = depot;
  }

  /** The hub that the environment of this process names, and the cache that it names. */
  public static Hub open() {
    return open(HubSettings.ofEnvironment(), HubClient.Patience.USUAL);
  }

  /**
   * The hub that the environment of this process names, and a folder for the files of one model.
   *
   * @param force whether files of the folder that are others than those of the hub are replaced
   */
  public static Hub open(Path folder, boolean force) {
    return open(
        HubSettings.ofEnvironment(), HubClient.Patience.USUAL, new LocalFolder(folder, force));
  }

  static Hub open(HubSettings settings, HubClient.Patience patience) {
    return open(settings, patience, new HubCache(settings.cache()));
  }

  static Hub open(HubSettings settings, HubClient.Patience patience, Depot depot) {
    return new Hub(settings, patience, depot);
  }

  /**
   * A model that is here.
   *
   * @param path of its folder, or its file
   * @param files that it is made of, as far as the hub told
   * @param bytes of these
   * @param fetched bytes of those that were not here before
   * @param notes what the user should be told
   */
  public record Pulled(
      HubId id, Path path, int files, long bytes, long fetched, List<String> notes) {}

  /** How much of a model to bring. */
  public enum Part {
    ALL,
    /** Configuration and tokenizer. */
    WITHOUT_WEIGHTS
  }

  /**
   * Brings a model here, unless it is. Where the hub cannot be reached, what was here before is
   * used.
   *
   * @throws PhialException.BadInput if there is no such model, or it cannot be had
   * @throws PhialException.OutputFailed if it cannot be kept
   */
  public Pulled pull(HubId id, Part part, Progress progress) {
    return switch (look(id)) {
      case Found found -> pull(found.repository, part, progress);
      case Kept kept -> new Pulled(id, kept.path, 0, 0, 0, kept.notes);
    };
  }

  /** What is known of a model. */
  private sealed interface Look {}

  /** The hub told what is in it. */
  private record Found(Repository repository) implements Look {}

  /** The hub was not to be asked, or did not answer, and there is a copy. */
  private record Kept(Path path, List<String> notes) implements Look {}

  private Look look(HubId id) {
    Optional<String> known = depot.commit(id);
    if (client.settings().offline()) {
      return kept(
          id,
          known.orElseThrow(() ->
              new PhialException.BadInput(
                  "%s is not in %s, and HF_HUB_OFFLINE says not to look elsewhere; unset it to pull the model"
                      .formatted(id, depot.root()))),
          List.of());
    }
    try {
      int tries = known.isPresent() ? 1 : HubClient.TRIES;
      return new Found(Repository.parse(id, client.listing(id, tries)));
    } catch (PhialException.BadInput e) {
      if (known.isPresent() && e.getCause() instanceof IOException) {
        return kept(
            id,
            known.get(),
            List.of(
                "%s cannot be reached; the copy of %s that is here, %s, is used"
                    .formatted(client.settings().endpoint(), id.model(), known.get())));
      }
      throw e;
    }
  }

  private Kept kept(HubId id, String commit, List<String> notes) {
    Path path = depot.snapshot(id, commit).resolve(id.path());
    if (!Files.exists(path)) {
      throw new PhialException.BadInput("%s is not in %s".formatted(id, depot.root()));
    }
    return new Kept(onlyGguf(path), notes);
  }

  /** The GGUF file of a folder in which nothing else could be the model. */
  private static Path onlyGguf(Path path) {
    if (!Files.isDirectory(path) || Files.exists(path.resolve("config.json"))) {
      return path;
    }
    try (var files = Files.list(path)) {
      List<Path> found = files.filter(file -> file.toString().endsWith(".gguf")).toList();
      return found.size() == 1 ? found.getFirst() : path;
    } catch (IOException e) {
      return path;
    }
  }

  private Pulled pull(Repository repository, Part part, Progress progress) {
    HubId id = repository.id();
    String commit = repository.commit();
    List<RemoteFile> wanted = wanted(repository);
    List<RemoteFile> files = new ArrayList<>(wanted);
    if (part == Part.WITHOUT_WEIGHTS && wanted.size() > 1) {
      files.removeAll(Repository.weights(wanted));
    }
    List<RemoteFile> missing = files.stream().filter(file -> !depot.has(id, commit, file)).toList();
    // files that hold the same are one
    Map<Path, RemoteFile> absent = new HashMap<>();
    missing.stream()
        .filter(file -> !depot.hasBlob(id, file))
        .forEach(file -> absent.put(depot.blob(id, file), file));
    long bytes = absent.values().stream().mapToLong(RemoteFile::size).sum();
    long begun = absent.values().stream().mapToLong(file -> depot.begun(id, file)).sum();
    try {
      depot.prepare(id, missing);
      checkDisk(id, bytes - begun);
      try (Progress.Stage stage = progress.begin(Progress.Unit.BYTES, bytes)) {
        fetch(id, commit, missing, stage);
      }
    } catch (IOException e) {
      throw unkept(id, e);
    }
    depot.remember(id, commit);
    Path path = path(repository, wanted);
    long all = files.stream().mapToLong(RemoteFile::size).sum();
    return new Pulled(id, path, files.size(), all, bytes, List.of());
  }

  private List<RemoteFile> wanted(Repository repository) {
    return repository.wanted().stream()
        .map(file ->
            file.isDescribed() ? file : client.describe(repository.id(), repository.commit(), file))
        .toList();
  }

  /** A file, the first of its parts, or the folder that the files are in. */
  private Path path(Repository repository, List<RemoteFile> wanted) {
    return depot
        .snapshot(repository.id(), repository.commit())
        .resolve(Repository.isOneFile(wanted) ? wanted.getFirst().path() : repository.id().path());
  }

  private PhialException unkept(HubId id, IOException e) {
    return new PhialException.OutputFailed(
        "%s: %s cannot be kept there: %s; choose a folder that can be written (HF_HUB_CACHE, or phial pull -o)"
            .formatted(depot.root(), id, e.getMessage() == null ? e : e.getMessage()),
        e);
  }

  private void checkDisk(HubId id, long bytes) throws IOException {
    long free = Files.getFileStore(depot.root()).getUsableSpace();
    if (bytes > free) {
      throw new PhialException.OutputFailed(
          "%s: expected %s of free disk for %s, found %s; make room, choose a folder on another disk (HF_HUB_CACHE, or phial pull -o), or convert it with --stream"
              .formatted(depot.root(), Sizes.of(bytes), id, Sizes.of(free)));
    }
  }

  private void fetch(HubId id, String commit, List<RemoteFile> files, Progress.Stage stage)
      throws IOException {
    ExecutorService workers =
        Executors.newFixedThreadPool(
            AT_ONCE, work -> Thread.ofPlatform().daemon().name("phial-pull").unstarted(work));
    try {
      CompletionService<RemoteFile> work = new ExecutorCompletionService<>(workers);
      for (RemoteFile file : files) {
        work.submit(() -> {
          fetch(id, commit, file, stage);
          return file;
        });
      }
      for (int i = 0; i < files.size(); i++) {
        work.take().get(); // the first that fails ends it
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PhialException.OutputFailed("interrupted; what has come is kept for next time");
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case PhialException known -> throw known;
        case IOException failed -> throw failed;
        case Error error -> throw error;
        case null, default -> throw new IllegalStateException(e);
      }
    } finally {
      workers.shutdownNow();
    }
  }

  private void fetch(HubId id, String commit, RemoteFile file, Progress.Stage stage)
      throws IOException {
    boolean isNew = !depot.hasBlob(id, file);
    if (isNew) {
      Path part = depot.part(id, file);
      try (FileChannel channel =
          FileChannel.open(
              part, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        lock(channel);
        // nothing takes the part's name away but who has the lock, and only when the blob is there
        if (depot.hasBlob(id, file)) { // another process has brought it meanwhile
          isNew = false;
          Files.deleteIfExists(part);
        } else {
          fetch(id, commit, file, channel, stage);
          Files.move(part, depot.blob(id, file), StandardCopyOption.ATOMIC_MOVE);
        }
      }
    }
    depot.place(id, commit, file, isNew);
  }

  private void fetch(HubId id, String commit, RemoteFile file, FileChannel to, Progress.Stage stage)
      throws IOException {
    try {
      new Download(client, id, commit, file, to, stage, at -> {}).run(to.size());
      to.truncate(file.size());
      to.force(true);
    } catch (PhialException.BadInput e) {
      if (e.getCause() == null) { // what has come is not the file
        to.truncate(0);
      }
      throw e;
    }
  }

  /** Waits until no other process writes the file; not every file system has locks. */
  private static void lock(FileChannel channel) {
    while (true) {
      try {
        if (channel.tryLock() != null) {
          return;
        }
      } catch (OverlappingFileLockException e) {
        // another thread of this process
      } catch (IOException e) {
        return;
      }
      try {
        Thread.sleep(LOCK_PAUSE);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new PhialException.OutputFailed("interrupted while another process pulls this file");
      }
    }
  }

  /**
   * Opens a model where it is: weights come when they are read, one file after the other, unless
   * all of them are here. Closing the checkpoint lets go of what has come.
   *
   * @throws PhialException.BadInput if there is no such model, or it cannot be had
   * @throws PhialException.Unsupported if its weights cannot be read while they arrive
   */
  public Checkpoint stream(HubId id) {
    return switch (look(id)) {
      case Kept kept -> Sources.open(kept.path).noting(kept.notes);
      case Found found -> stream(found.repository);
    };
  }

  private Checkpoint stream(Repository repository) {
    HubId id = repository.id();
    List<RemoteFile> wanted = wanted(repository);
    if (wanted.stream().allMatch(file -> depot.has(id, repository.commit(), file))) {
      return Sources.open(path(repository, wanted));
    }
    if (!Repository.canStream(wanted)) {
      throw new PhialException.Unsupported(
          "%s: expected safetensors, which can be read while they arrive, found other files; pull it first: phial pull %s"
              .formatted(id, id));
    }
    return ArrivingModel.open(new StreamedModel(client, repository, wanted));
  }

  @Override
  public void close() {
    client.close();
  }
}

package dev.phial.engine.hub;

import dev.phial.PhialException;
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
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/**
 * Brings models from the Hugging Face hub into the folder where all its tools keep them, or opens
 * them where they are.
 */
public final class Hub implements AutoCloseable {
  private static final int AT_ONCE = 4; // files
  private static final long LOCK_PAUSE = 200; // milliseconds

  private final HubClient client;
  private final HubCache cache;

  private Hub(HubSettings settings, HubClient.Patience patience) {
    this.client = new HubClient(settings, patience);
    this.cache = new HubCache(settings.cache());
  }

  /** The hub that the environment of this process names. */
  public static Hub open() {
    return open(HubSettings.ofEnvironment(), HubClient.Patience.USUAL);
  }

  static Hub open(HubSettings settings, HubClient.Patience patience) {
    return new Hub(settings, patience);
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
    Optional<String> known = cache.commit(id);
    if (client.settings().offline()) {
      return offline(
          id,
          known.orElseThrow(() ->
              new PhialException.BadInput(
                  "%s is not in %s, and HF_HUB_OFFLINE says not to look elsewhere; unset it to pull the model"
                      .formatted(id, cache.root()))),
          List.of());
    }
    Repository repository;
    try {
      repository =
          Repository.parse(id, client.listing(id, known.isPresent() ? 1 : HubClient.TRIES));
    } catch (PhialException.BadInput e) {
      if (known.isPresent() && e.getCause() instanceof IOException) {
        return offline(
            id,
            known.get(),
            List.of(
                "%s cannot be reached; the copy of %s that is here, %s, is used"
                    .formatted(client.settings().endpoint(), id.model(), known.get())));
      }
      throw e;
    }
    return pull(repository, part, progress);
  }

  private Pulled offline(HubId id, String commit, List<String> notes) {
    Path path = cache.snapshot(id, commit).resolve(id.path());
    if (!Files.exists(path)) {
      throw new PhialException.BadInput("%s is not in %s".formatted(id, cache.root()));
    }
    return new Pulled(id, onlyGguf(path), 0, 0, 0, notes);
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
    List<RemoteFile> wanted = repository.wanted();
    List<RemoteFile> files = new ArrayList<>(wanted);
    if (part == Part.WITHOUT_WEIGHTS) {
      files.removeAll(Repository.weights(wanted));
    }
    List<RemoteFile> missing = files.stream().filter(file -> !cache.has(id, commit, file)).toList();
    long bytes = missing.stream().mapToLong(RemoteFile::size).sum();
    try {
      Files.createDirectories(cache.blob(id, files.getFirst()).getParent());
      checkDisk(id, bytes);
      try (Progress.Stage stage = progress.begin(Progress.Unit.BYTES, bytes)) {
        fetch(id, commit, missing, stage);
      }
    } catch (IOException e) {
      throw unkept(id, e);
    }
    cache.remember(id, commit);
    boolean isFile = wanted.size() == 1;
    Path path = cache.snapshot(id, commit).resolve(isFile ? wanted.getFirst().path() : id.path());
    long all = files.stream().mapToLong(RemoteFile::size).sum();
    return new Pulled(id, path, files.size(), all, bytes, List.of());
  }

  private PhialException unkept(HubId id, IOException e) {
    return new PhialException.OutputFailed(
        "%s: %s cannot be kept there: %s; set HF_HUB_CACHE to a folder that can be written"
            .formatted(cache.root(), id, e.getMessage() == null ? e : e.getMessage()),
        e);
  }

  private void checkDisk(HubId id, long bytes) throws IOException {
    long free = Files.getFileStore(cache.root()).getUsableSpace();
    if (bytes > free) {
      throw new PhialException.OutputFailed(
          "%s: expected %s of free disk for %s, found %s; make room, set HF_HUB_CACHE to a folder on another disk, or convert it with --stream"
              .formatted(cache.root(), Sizes.of(bytes), id, Sizes.of(free)));
    }
  }

  private void fetch(HubId id, String commit, List<RemoteFile> files, Progress.Stage stage)
      throws IOException {
    ExecutorService workers =
        Executors.newFixedThreadPool(
            AT_ONCE, work -> Thread.ofPlatform().daemon().name("phial-pull").unstarted(work));
    try {
      List<Future<?>> work = new ArrayList<>();
      for (RemoteFile file : files) {
        work.add(
            workers.submit(() -> {
              fetch(id, commit, file, stage);
              return null;
            }));
      }
      for (Future<?> one : work) {
        one.get();
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
    Path blob = cache.blob(id, file);
    boolean isNew = !Files.exists(blob);
    if (isNew) {
      Path part = cache.part(id, file);
      try (FileChannel channel =
          FileChannel.open(
              part, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
        lock(channel);
        if (!Files.exists(blob)) { // another process may have brought it meanwhile
          long have = channel.size();
          new Download(client, id, commit, file, channel, stage, at -> {}).run(have);
          channel.truncate(file.size());
          channel.force(true);
          Files.move(part, blob, StandardCopyOption.ATOMIC_MOVE);
        }
      } catch (PhialException.BadInput e) {
        if (e.getCause() == null) { // what has come is not the file
          Files.deleteIfExists(part);
        }
        throw e;
      }
      Files.deleteIfExists(part);
    }
    cache.place(id, commit, file, isNew);
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
   * Opens a model where it is: weights come when they are read, one file after the other. Closing
   * the checkpoint lets go of what has come.
   *
   * @throws PhialException.BadInput if there is no such model, or it cannot be had
   * @throws PhialException.Unsupported if its weights cannot be read while they arrive
   */
  public Checkpoint stream(HubId id) {
    if (client.settings().offline()) {
      throw new PhialException.BadInput(
          "%s: HF_HUB_OFFLINE says not to look for it; unset it".formatted(id));
    }
    Repository repository = Repository.parse(id, client.listing(id, HubClient.TRIES));
    List<RemoteFile> wanted = repository.wanted();
    if (!Repository.canStream(wanted)) {
      throw new PhialException.Unsupported(
          "%s: expected safetensors, which can be read while they arrive, found other files; pull it first: phial pull %s"
              .formatted(id, id));
    }
    return StreamedModel.open(client, repository, wanted);
  }

  /** Whether all of a model is here, as far as can be known without asking the hub. */
  public boolean isHere(HubId id) {
    return cache.commit(id).filter(commit -> canBeRead(cache.snapshot(id, commit), id)).isPresent();
  }

  private static boolean canBeRead(Path snapshot, HubId id) {
    try (Checkpoint checkpoint = Sources.open(onlyGguf(snapshot.resolve(id.path())))) {
      return !checkpoint.tensors().isEmpty();
    } catch (PhialException e) {
      return false;
    }
  }

  @Override
  public void close() {
    client.close();
  }
}

package dev.phial.server;

import dev.phial.PhialException;
import dev.phial.io.AtomicFile;
import dev.phial.io.Json;
import dev.phial.source.TextFile;
import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.node.ArrayNode;

/**
 * Jobs, one after the other, and a file that remembers them: a page that is opened again finds
 * them, and a server that is started again says which were interrupted.
 */
final class Jobs implements AutoCloseable {
  private static final String JOURNAL = ".phial-studio.json";
  private static final int MOST = 100;
  private static final int MOST_WAITING = 20;

  private final Path folder;
  private final Path journal;
  private final Consumer<Job> work;
  private final List<Job> jobs = new ArrayList<>(); // the newest last
  private final Thread thread;
  private boolean closed;

  /**
   * @param folder where they are remembered
   * @param work does a job; throws what is to be said if it fails
   */
  Jobs(Path folder, Consumer<Job> work) {
    this.folder = folder;
    this.journal = folder.resolve(JOURNAL);
    this.work = work;
    if (Files.exists(journal)) {
      try {
        Json.MAPPER.readTree(TextFile.read(journal)).forEach(json -> jobs.add(Job.of(json)));
      } catch (PhialException | JacksonException | IllegalArgumentException e) {
        jobs.clear(); // not ours, or damaged: it is written anew
      }
    }
    this.thread = Thread.ofPlatform().name("phial-jobs").daemon().start(this::run);
  }

  /** All that are remembered, the newest first. */
  synchronized List<Job> all() {
    return jobs.reversed().stream().toList();
  }

  /**
   * @throws ApiError if too many wait
   */
  void add(Job job) {
    synchronized (this) {
      if (jobs.stream().filter(each -> !each.state().isOver()).count() > MOST_WAITING) {
        throw ApiError.unavailable("too many jobs wait already");
      }
      jobs.add(job);
      while (jobs.size() > MOST && jobs.getFirst().state().isOver()) {
        jobs.removeFirst();
      }
      notifyAll();
    }
    save();
  }

  /**
   * @throws ApiError if there is none
   */
  void cancel(String id) {
    all().stream()
        .filter(job -> job.id().equals(id))
        .findFirst()
        .orElseThrow(() -> ApiError.refused(404, "id", null, "there is no such job"))
        .cancel();
    save();
  }

  private void run() {
    while (true) {
      Optional<Job> next = await();
      if (next.isEmpty()) {
        return;
      }
      Job job = next.get();
      save();
      try {
        work.accept(job);
        job.end(Job.State.DONE, "");
      } catch (PhialException | ApiError e) {
        end(job, String.valueOf(e.getMessage()));
      } catch (RuntimeException | OutOfMemoryError e) {
        if (!job.isCancelled()) {
          e.printStackTrace(); // a bug of ours
        }
        end(job, e instanceof OutOfMemoryError ? "out of memory" : "an error in the server");
      }
      save();
    }
  }

  private synchronized void end(Job job, String message) {
    if (closed) {
      job.end(Job.State.INTERRUPTED, "the server ended before this was done");
    } else if (job.isCancelled()) {
      job.end(Job.State.CANCELLED, "");
    } else {
      // where the folder lies is nobody's business who only sees the page
      job.end(Job.State.FAILED, message.replace(folder + File.separator, ""));
    }
  }

  private synchronized Optional<Job> await() {
    while (!closed) {
      Optional<Job> next = jobs.stream().filter(job -> job.state() == Job.State.QUEUED).findFirst();
      if (next.isPresent()) {
        next.get().start();
        return next;
      }
      try {
        wait();
      } catch (InterruptedException e) {
        return Optional.empty();
      }
    }
    return Optional.empty();
  }

  private synchronized void save() {
    ArrayNode all = Json.MAPPER.createArrayNode();
    jobs.forEach(job -> all.add(job.json()));
    try {
      AtomicFile.put(journal, all.toString().getBytes(StandardCharsets.UTF_8), true);
    } catch (PhialException e) {
      // the disk is full or may not be written: the jobs go on, and are forgotten at the end
    }
  }

  /** Ends the job that is running; those that wait are remembered as interrupted. */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      jobs.stream().filter(job -> job.state() == Job.State.RUNNING).forEach(Job::cancel);
      notifyAll();
    }
    try {
      thread.join(5000);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}

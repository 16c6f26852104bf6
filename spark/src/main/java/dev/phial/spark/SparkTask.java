package dev.phial.spark;

import dev.phial.PhialException;
import dev.phial.engine.work.Job;
import dev.phial.kernel.Kernels;
import java.io.BufferedOutputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.io.Serializable;
import java.util.zip.CRC32C;
import java.util.zip.CheckedOutputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkEnv;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.Function;
import org.apache.spark.util.LongAccumulator;
import org.apache.spark.util.SerializableConfiguration;

/**
 * Does a task on an executor. What it writes goes to a file of this very attempt: attempts that run
 * side by side, or after one another, never meet, and the driver reads that of the first to end.
 *
 * @param folder for such files, as a URI that every machine can open
 * @param amount counts what has been done, for Spark's page
 */
record SparkTask<T extends Serializable>(
    Job<T> job,
    String folder,
    boolean allowScalar,
    SerializableConfiguration configuration,
    LongAccumulator amount)
    implements Function<T, Written> {
  private static final int BUFFER = 1 << 16;

  @Override
  public Written call(T task) throws IOException {
    TaskContext context = TaskContext.get();
    String executor = SparkEnv.get().executorId();
    long start = System.nanoTime();
    Path file =
        new Path(folder, "part-%d-%d".formatted(context.partitionId(), context.taskAttemptId()));
    FileSystem files = file.getFileSystem(configuration.value());
    CRC32C checksum = new CRC32C();
    PhialException failure = null;
    boolean isDone = false;
    try {
      checkKernels(executor);
      // not the folder: when that is gone, nobody waits for the task any more
      OutputStream out = new Interruptible(files.createFile(file).build(), context);
      write(task, new CheckedOutputStream(out, checksum));
      isDone = true;
      amount.add(job.amount(task));
    } catch (PhialException.OutputFailed e) {
      throw e; // there may be more room elsewhere
    } catch (PhialException e) {
      failure = e;
    } finally {
      if (!isDone) {
        files.delete(file, false);
      }
    }
    long nanos = System.nanoTime() - start;
    return new Written(file.toString(), checksum.getValue(), executor, nanos, failure);
  }

  private void write(T task, OutputStream file) throws IOException {
    try (DataOutputStream out = new DataOutputStream(new BufferedOutputStream(file, BUFFER))) {
      job.run(task, new SparkPlace(configuration.value()), out);
    }
  }

  private void checkKernels(String executor) {
    if (!allowScalar && Kernels.best().describe().equals("scalar")) {
      throw new PhialException.Unsupported(
          "executor %s: expected a Java with the Vector API, found one that was started without; pass --conf spark.executor.extraJavaOptions=--add-modules=jdk.incubator.vector, or --allow-scalar, which is many times slower"
              .formatted(executor));
    }
  }

  /** Stops writing when the task is not wanted any more. */
  private static final class Interruptible extends OutputStream {
    private final OutputStream out;
    private final TaskContext context;

    Interruptible(OutputStream out, TaskContext context) {
      this.out = out;
      this.context = context;
    }

    @Override
    public void write(int b) throws IOException {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int from, int count) throws IOException {
      if (context.isInterrupted()) {
        throw new InterruptedIOException("the task is not wanted any more");
      }
      out.write(bytes, from, count);
    }

    @Override
    public void flush() throws IOException {
      out.flush();
    }

    @Override
    public void close() throws IOException {
      out.close();
    }
  }
}

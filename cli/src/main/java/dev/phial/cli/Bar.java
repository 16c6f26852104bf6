package dev.phial.cli;

import dev.phial.io.Progress;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;
import org.jspecify.annotations.Nullable;

/**
 * A progress bar on a terminal: tensor, MB/s, time left. The launcher says whether stderr is one.
 */
final class Bar implements Progress, AutoCloseable {
  private static final long MEGABYTE = 1_000_000;

  private final boolean visible;
  private @Nullable ProgressBar bar;

  private Bar(boolean visible) {
    this.visible = visible;
  }

  static Bar create() {
    return new Bar(Boolean.getBoolean("phial.terminal"));
  }

  @Override
  public synchronized void start(long totalBytes) {
    if (visible) {
      bar =
          new ProgressBarBuilder()
              .setTaskName("quantizing")
              .setInitialMax(totalBytes)
              .setUnit(" MB", MEGABYTE)
              .showSpeed()
              .setSpeedUnit(java.time.temporal.ChronoUnit.SECONDS)
              .setStyle(ProgressBarStyle.ASCII)
              .setUpdateIntervalMillis(200)
              .build();
    }
  }

  @Override
  public synchronized void advance(String tensor, long bytes) {
    if (bar != null) {
      bar.stepBy(bytes);
      bar.setExtraMessage(" " + tensor);
    }
  }

  @Override
  public synchronized void close() {
    if (bar != null) {
      bar.close();
    }
  }
}

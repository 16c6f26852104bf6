package dev.phial.targets.layout;

import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.function.Consumer;
import java.util.function.Supplier;

/**
 * Collects rows until a panel of them is complete, for layouts in which rows become columns: the
 * file is then written in stretches as long as a panel is wide. Rows come nearly in order, so few
 * panels are open at a time.
 *
 * @param <T> what a panel is collected in
 */
public final class Panels<T> {
  /** Rows of a panel; even, so that two nibbles of a byte never lie in two panels. */
  public static final int WIDTH = 256;

  private final long rows;
  private final int width;
  private final Supplier<T> create;
  private final ConcurrentMap<Long, Panel<T>> open = new ConcurrentHashMap<>();

  public Panels(long rows, Supplier<T> create) {
    this(rows, WIDTH, create);
  }

  /**
   * @param width rows of a panel; a multiple of {@link #WIDTH}
   */
  public Panels(long rows, int width, Supplier<T> create) {
    this.rows = rows;
    this.width = width;
    this.create = create;
  }

  /** Rows {@code [first, first + width)}; the panel guards its content. */
  public static final class Panel<T> {
    private final long first;
    private final int width;
    private final T content;
    private int missing;

    private Panel(long first, int width, T content) {
      this.first = first;
      this.width = width;
      this.content = content;
      this.missing = width;
    }

    public long first() {
      return first;
    }

    public int width() {
      return width;
    }

    public T content() {
      return content;
    }
  }

  /** Some rows of a stretch that lie in one panel. */
  public interface Collector<T> {
    /**
     * @param column of the panel where row {@code offset} of the stretch goes
     */
    void collect(T content, int column, int offset, int count);
  }

  /** Takes a stretch of rows; {@code complete} writes the panels that became complete. */
  public void accept(long row, int count, Collector<T> collector, Consumer<Panel<T>> complete) {
    int done = 0;
    while (done < count) {
      long index = (row + done) / width;
      long first = index * width;
      int some = (int) Math.min(width, rows - first);
      int column = (int) (row + done - first);
      int part = Math.min(count - done, some - column);
      Panel<T> panel = open.computeIfAbsent(index, i -> new Panel<>(first, some, create.get()));
      boolean isComplete;
      synchronized (panel) {
        collector.collect(panel.content, column, done, part);
        panel.missing -= part;
        isComplete = panel.missing == 0;
      }
      if (isComplete) {
        open.remove(index);
        complete.accept(panel);
      }
      done += part;
    }
  }
}

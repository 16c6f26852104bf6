package dev.phial.engine.run;

import static dev.phial.kernel.MatrixKernels.PANEL;

import dev.phial.kernel.MatrixKernels;
import dev.phial.model.Hyperparameters;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The keys and values of one text, outside the heap, in pages of {@link MatrixKernels#PANEL}
 * tokens. A page holds {@code [layers][heads]} pairs of keys {@code [headSize][PANEL]}, a panel
 * ready to be multiplied with queries, and values {@code [PANEL][headSize]}.
 */
final class KvCache implements AutoCloseable {
  private final CacheType type;
  private final int heads;
  private final int headSize;
  private final long pageBytes;
  private final Arena arena = Arena.ofShared();
  private final List<@Nullable MemorySegment> pages = new ArrayList<>();
  private final Deque<MemorySegment> unused = new ArrayDeque<>();
  private int forgotten; // pages before this one are gone

  KvCache(Hyperparameters h, CacheType type) {
    this.type = type;
    this.heads = h.attention().keyValueHeads();
    this.headSize = h.attention().headSize();
    this.pageBytes = 2L * h.layers() * h.attention().keyValueSize() * PANEL * type.bytes();
  }

  /** Makes room for tokens at the positions below {@code length}. */
  void reserve(int length) {
    while (pages.size() * PANEL < length) {
      MemorySegment page = unused.poll();
      pages.add(page != null ? page : arena.allocate(pageBytes, 64));
    }
  }

  /** Bytes that it takes. */
  long bytes() {
    return (pages.size() - forgotten + unused.size()) * pageBytes;
  }

  /** Bytes that it would take besides, to have room for so many tokens. */
  long growth(int length) {
    int more = (length + PANEL - 1) / PANEL - pages.size() - unused.size();
    return Math.max(0, more) * pageBytes;
  }

  /** Takes over the first tokens of another, which this one then need not compute; it is empty. */
  void copy(KvCache from, int length) {
    reserve(length);
    for (int i = 0; i < pages.size(); i++) {
      if (i < from.forgotten) {
        forget((i + 1) * PANEL);
      } else {
        page(i).copyFrom(from.page(i));
      }
    }
  }

  /** Gives up what lies before a position, which no later token will look at. */
  void forget(int before) {
    for (; forgotten < before / PANEL && forgotten < pages.size(); forgotten++) {
      unused.add(page(forgotten));
      pages.set(forgotten, null);
    }
  }

  /** Whether a position was given up. */
  boolean isForgotten(int position) {
    return position / PANEL < forgotten;
  }

  /** Forgets everything. */
  void clear() {
    forget(pages.size() * PANEL);
    pages.clear();
    forgotten = 0;
  }

  /**
   * Keeps the key and value of one head and token.
   *
   * @param key {@code [headSize]} from {@code keyAt}, rotated
   * @param value {@code [headSize]} from {@code valueAt}
   */
  void store(
      int layer, int head, int position, float[] key, int keyAt, float[] value, int valueAt) {
    MemorySegment page = page(position / PANEL);
    long keys = offset(layer, head) + (long) position % PANEL * type.bytes();
    long values = offset(layer, head) + (long) headSize * (PANEL + position % PANEL) * type.bytes();
    for (int i = 0; i < headSize; i++) {
      long keyPlace = keys + (long) i * PANEL * type.bytes();
      long valuePlace = values + (long) i * type.bytes();
      switch (type) {
        case F32 -> {
          page.set(ValueLayout.JAVA_FLOAT, keyPlace, key[keyAt + i]);
          page.set(ValueLayout.JAVA_FLOAT, valuePlace, value[valueAt + i]);
        }
        case F16 -> {
          page.set(ValueLayout.JAVA_SHORT, keyPlace, Float.floatToFloat16(key[keyAt + i]));
          page.set(ValueLayout.JAVA_SHORT, valuePlace, Float.floatToFloat16(value[valueAt + i]));
        }
      }
    }
  }

  /**
   * The keys of a page.
   *
   * @param to receives {@code [headSize][PANEL]}
   */
  void keys(int layer, int head, int page, float[] to, Scratch scratch) {
    read(page(page), offset(layer, head), headSize * PANEL, to, 0, scratch);
  }

  /**
   * The values of a page.
   *
   * @param to receives {@code [PANEL][stride]}
   */
  void values(int layer, int head, int page, float[] to, int stride, Scratch scratch) {
    MemorySegment from = page(page);
    long offset = offset(layer, head) + (long) headSize * PANEL * type.bytes();
    if (stride == headSize) {
      read(from, offset, headSize * PANEL, to, 0, scratch);
      return;
    }
    for (int token = 0; token < PANEL; token++) {
      read(
          from,
          offset + (long) token * headSize * type.bytes(),
          headSize,
          to,
          token * stride,
          scratch);
    }
  }

  private void read(
      MemorySegment from, long offset, int count, float[] to, int at, Scratch scratch) {
    switch (type) {
      case F32 -> MemorySegment.copy(from, ValueLayout.JAVA_FLOAT, offset, to, at, count);
      case F16 -> {
        short[] halves = scratch.halves(count);
        MemorySegment.copy(from, ValueLayout.JAVA_SHORT, offset, halves, 0, count);
        scratch.kernels().widen(halves, 0, to, at, count);
      }
    }
  }

  private long offset(int layer, int head) {
    return 2L * (layer * heads + head) * headSize * PANEL * type.bytes();
  }

  private MemorySegment page(int index) {
    MemorySegment page = pages.get(index);
    if (page == null) {
      throw new AssertionError("page " + index + " was given up");
    }
    return page;
  }

  @Override
  public void close() {
    arena.close();
  }
}

package dev.phial.engine.run;

import static dev.phial.kernel.MatrixKernels.PANEL;

import dev.phial.kernel.MatrixKernels;
import dev.phial.model.BlockAttention;
import dev.phial.model.Hyperparameters;
import dev.phial.quant.activation.ActivationPoint;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;

/** Causal attention of one layer, between its projections. */
final class Attention {
  /** Tokens whose queries are multiplied with a page of keys at once. */
  private static final int TOKENS = 64;

  /** Products of queries and keys that a worker holds, at most. */
  private static final int SCORES = 1 << 18;

  private final int layer;
  private final int heads;
  private final int keyValueHeads;
  private final int headSize;
  private final int window; // a token sees so many, itself included
  private final float scale;
  private final Optional<BlockAttention> sparse;
  private final boolean interleaved;

  Attention(Hyperparameters h, int layer) {
    this.layer = layer;
    this.heads = h.attention().heads();
    this.keyValueHeads = h.attention().keyValueHeads();
    this.headSize = h.attention().headSize();
    this.window = h.attention().slidingWindow().orElse(Integer.MAX_VALUE);
    this.scale = (float) h.attention().scale();
    this.sparse = h.attention().blocks().filter(settings -> !settings.isDense(layer));
    this.interleaved = h.attention().interleaved();
  }

  // Where heads begin in a row of projections: queries, keys, values one after the other, or each
  // key-value head with its queries before it.

  int query(int head) {
    int group = heads / keyValueHeads;
    return (interleaved ? head + head / group * 2 : head) * headSize;
  }

  int key(int head) {
    int group = heads / keyValueHeads;
    return (interleaved ? head * (group + 2) + group : heads + head) * headSize;
  }

  int value(int head) {
    return key(head) + (interleaved ? 1 : keyValueHeads) * headSize;
  }

  /** Some tokens of a span, whose rows start at {@code row}. */
  private record Part(Span span, RotaryTable rotary, int row, int from, int to) {
    int position(int token) {
      return span.first() + token;
    }

    int row(int token) {
      return row + token;
    }
  }

  /**
   * @param projections {@code [tokens][queries, keys, values]}; queries and keys are rotated here
   * @param result {@code [tokens][heads * headSize]}
   * @param tables of each span
   * @param taps see every step if they are open for scores
   */
  void apply(
      Activations projections,
      List<Span> spans,
      List<RotaryTable> tables,
      Activations result,
      Team team,
      Taps taps) {
    Optional<AttentionSteps> steps =
        taps != Taps.NONE && taps.isOpen(ActivationPoint.SCORES.in(layer))
            ? Optional.of(new AttentionSteps(taps, layer, headSize, scale))
            : Optional.empty();
    result.resize(projections.count());
    List<Part> parts =
        Forward.parts(
            spans,
            (span, index, row, from, to) -> new Part(span, tables.get(index), row, from, to),
            TOKENS);
    team.run(
        parts.size() * keyValueHeads,
        (task, worker) ->
            rotateAndStore(
                projections,
                parts.get(task / keyValueHeads),
                task % keyValueHeads,
                team.kernels(),
                steps));
    team.run(
        parts.size() * keyValueHeads,
        (task, worker) -> {
          Part part = parts.get(task / keyValueHeads);
          int most = Math.max(1, SCORES / (part.span.end() + PANEL) / (heads / keyValueHeads));
          for (int from = part.from; from < part.to; from += most) {
            Part some =
                new Part(part.span, part.rotary, part.row, from, Math.min(part.to, from + most));
            attend(projections, some, task % keyValueHeads, result, team.scratch(worker), steps);
          }
        });
  }

  private void rotateAndStore(
      Activations projections,
      Part part,
      int head,
      MatrixKernels kernels,
      Optional<AttentionSteps> steps) {
    int group = heads / keyValueHeads;
    RotaryTable table = part.rotary;
    for (int token = part.from; token < part.to; token++) {
      float[] values = projections.values();
      int row = projections.row(part.row(token));
      int angles = token * table.half();
      if (steps.isPresent()) {
        for (int i = 0; i < group; i++) {
          steps.get().rotateQuery(values, row + query(head * group + i), table, token);
        }
        steps.get().rotateKey(values, row + key(head), table, token);
        steps.get().value(values, row + value(head));
      } else {
        for (int i = 0; i < group; i++) {
          kernels.rotate(
              values,
              row + query(head * group + i),
              table.half(),
              table.cos(),
              table.sin(),
              angles);
        }
        kernels.rotate(values, row + key(head), table.half(), table.cos(), table.sin(), angles);
      }
      part.span
          .cache()
          .store(
              layer,
              head,
              part.position(token),
              values,
              row + key(head),
              values,
              row + value(head));
    }
  }

  private void attend(
      Activations projections,
      Part part,
      int head,
      Activations result,
      Scratch scratch,
      Optional<AttentionSteps> steps) {
    KvCache cache = part.span.cache();
    int group = heads / keyValueHeads;
    int count = (part.to - part.from) * group; // query heads of a token stand together
    int firstPage = first(part.position(part.from)) / PANEL;
    int pages = part.position(part.to - 1) / PANEL + 1 - firstPage;
    int start = firstPage * PANEL;
    int length = pages * PANEL;

    float[] queries = scratch.floats(Scratch.Use.QUERIES, count * headSize);
    for (int i = 0; i < count; i++) {
      int from = projections.row(part.row(part.from + i / group)) + query(head * group + i % group);
      System.arraycopy(projections.values(), from, queries, i * headSize, headSize);
    }
    float[] packed = scratch.floats(Scratch.Use.PACKED, count * Math.max(headSize, PANEL));
    scratch.kernels().packVectors(queries, 0, headSize, count, headSize, packed, 0);

    int width = (headSize + PANEL - 1) / PANEL * PANEL;
    float[] panel = scratch.floats(Scratch.Use.PANEL, width * PANEL);
    float[] scores = scratch.floats(Scratch.Use.SCORES, count * length); // [count][length]
    Arrays.fill(scores, 0, count * length, 0);
    for (int page = 0; page < pages; page++) {
      cache.keys(layer, head, firstPage + page, panel, scratch);
      scratch
          .kernels()
          .multiply(packed, 0, count, headSize, panel, 0, PANEL, scores, page * PANEL, length);
    }
    for (int i = 0; i < count; i++) {
      int position = part.position(part.from + i / group);
      int from = first(position) - start;
      int to = position + 1 - start;
      Arrays.fill(scores, i * length, i * length + from, 0);
      Arrays.fill(scores, i * length + to, (i + 1) * length, 0);
      if (sparse.isPresent()) {
        maskBlocks(sparse.get(), head * group + i % group, position, scores, i * length, start);
      }
      if (steps.isPresent()) {
        steps.get().softmax(scratch.kernels(), scores, i * length + from, to - from);
      } else {
        scratch.kernels().softmax(scores, i * length + from, to - from, scale);
      }
    }
    float[] sums = scratch.floats(Scratch.Use.RESULT, count * width); // [count][width]
    Arrays.fill(sums, 0, count * width, 0);
    for (int page = 0; page < pages; page++) {
      cache.values(layer, head, firstPage + page, panel, width, scratch);
      scratch.kernels().packVectors(scores, page * PANEL, length, count, PANEL, packed, 0);
      for (int lane = 0; lane < width; lane += PANEL) {
        scratch.kernels().multiply(packed, 0, count, PANEL, panel, lane, width, sums, lane, width);
      }
    }
    for (int i = 0; i < count; i++) {
      int to = result.row(part.row(part.from + i / group)) + (head * group + i % group) * headSize;
      System.arraycopy(sums, i * width, result.values(), to, headSize);
    }
  }

  int keyValueHeads() {
    return keyValueHeads;
  }

  /** Query heads that share a key. */
  int group() {
    return heads / keyValueHeads;
  }

  int headSize() {
    return headSize;
  }

  float scale() {
    return scale;
  }

  /** Whether a head of a token at one position sees another that is not before {@link #first}. */
  boolean sees(int head, int position, int other) {
    return sparse
        .map(settings ->
            settings.attends(
                head, heads, position / settings.blockSize(), other / settings.blockSize()))
        .orElse(true);
  }

  /** The first position that a token sees. */
  int first(int position) {
    return window > position ? 0 : position + 1 - window;
  }

  private void maskBlocks(
      BlockAttention settings, int head, int position, float[] scores, int row, int start) {
    int size = settings.blockSize();
    for (int block = start / size; block <= position / size; block++) {
      if (!settings.attends(head, heads, position / size, block)) {
        int from = Math.max(start, block * size) - start;
        int to = Math.min(position + 1, (block + 1) * size) - start;
        Arrays.fill(scores, row + from, row + to, Float.NEGATIVE_INFINITY);
      }
    }
  }
}

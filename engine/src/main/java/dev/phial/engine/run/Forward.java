package dev.phial.engine.run;

import dev.phial.PhialException;
import dev.phial.kernel.Kernels;
import dev.phial.kernel.MatrixKernels;
import dev.phial.model.Hyperparameters;
import dev.phial.model.Rotary;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.quant.activation.InputCodes;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.IntConsumer;

/**
 * Takes tokens through a model, layer by layer. It holds what lies between the layers, and serves
 * one thread at a time; any number of them may share a model.
 */
public final class Forward {
  /**
   * Multiplications that take less time without vectors than vector kernels take to be compiled.
   */
  private static final long QUICK = 100_000_000;

  private final Model model;
  private final Team team;
  private final Observer observer;
  private final Taps taps;
  private final Optional<InputCodes> codes; // of the inputs of quantized matrices
  private boolean hurries;
  private float[] shown = {}; // [rows][hidden]
  private int layer; // that is being computed

  private final Activations hidden; // [tokens][hidden]
  private final Activations normed; // [tokens][hidden]
  private final Activations projected; // [tokens][queries, keys, values]
  private final Activations attended; // [tokens][heads * headSize]
  private final Activations change; // [tokens][hidden], what a block adds
  private final Activations gathered; // [tokens of an expert][hidden]
  private final Activations inner; // [tokens][width of the feed-forward layer, twice if gated]
  private final Activations product; // [tokens][width of the feed-forward layer]
  private final Activations rounded; // [tokens][input of a matrix]

  /**
   * @param observer sees the input of every linear layer
   */
  public Forward(Model model, Team team, Observer observer) {
    this(
        model,
        team,
        observer,
        Taps.rounding(model.description().activations().codes()),
        model.description().activations().inputs());
  }

  /**
   * @param taps in place of the codes that the model may have for its activations
   */
  public Forward(Model model, Team team, Observer observer, Taps taps) {
    this(model, team, observer, taps, Optional.empty());
  }

  private Forward(
      Model model, Team team, Observer observer, Taps taps, Optional<InputCodes> codes) {
    this.model = model;
    this.team = team;
    this.observer = observer;
    this.taps = taps;
    this.codes = codes;
    Hyperparameters h = model.hyperparameters();
    this.hidden = new Activations(h.hidden());
    this.normed = new Activations(h.hidden());
    this.projected = new Activations(h.attention().querySize() + 2 * h.attention().keyValueSize());
    this.attended = new Activations(h.attention().querySize());
    this.change = new Activations(h.hidden());
    this.gathered = new Activations(h.hidden());
    this.inner = new Activations(Math.max(2 * h.feedForward(), h.experts().count()));
    this.product = new Activations(h.feedForward());
    this.rounded =
        new Activations(Math.max(h.hidden(), Math.max(attended.columns(), h.feedForward())));
  }

  public Model model() {
    return model;
  }

  /**
   * Does without vectors in the next pass if that is small: a program that has just started would
   * wait longer for the compiler. Sums may be rounded otherwise.
   */
  public void hurry() {
    hurries = true;
  }

  /**
   * Gives rows that a text may have in the place of tokens: token {@code -1 - i} stands for row
   * {@code i}.
   *
   * @param rows {@code [count][hidden]}
   */
  public void show(float[] rows) {
    shown = rows;
  }

  /** How many rows there are that negative tokens stand for. */
  int shownRows() {
    return shown.length / model.hyperparameters().hidden();
  }

  public Team team() {
    return team;
  }

  /**
   * Takes tokens through all layers and the last norm.
   *
   * @param spans of different texts
   * @return the wanted rows, span by span; it is overwritten by the next run
   */
  Activations run(List<Span> spans) {
    chooseKernels(spans);
    embed(spans);
    List<RotaryTable> tables =
        spans.stream()
            .map(span -> RotaryTable.of(span.rotary(), span.first(), span.tokens().length))
            .toList();
    List<Block> blocks = model.blocks();
    for (layer = 0; layer < blocks.size(); layer++) {
      run(blocks.get(layer), spans, tables);
      check(hidden, layer);
    }
    return wanted(spans);
  }

  private void chooseKernels(List<Span> spans) {
    long tokens = spans.stream().mapToLong(span -> span.tokens().length).sum();
    boolean isQuick = hurries && tokens * model.description().parameters() < QUICK;
    team.use(isQuick ? MatrixKernels.scalar() : MatrixKernels.best());
    hurries = false;
  }

  private void embed(List<Span> spans) {
    hidden.resize(spans.stream().mapToInt(span -> span.tokens().length).sum());
    int row = 0;
    for (Span span : spans) {
      embed(span.tokens(), hidden, row);
      row += span.tokens().length;
    }
  }

  /**
   * What goes into the first layer.
   *
   * @param to receives a row for each token from {@code row} on
   */
  void embed(int[] tokens, Activations to, int row) {
    double factor = model.hyperparameters().multipliers().embedding();
    for (int i = 0; i < tokens.length; i++) {
      int at = to.row(row + i);
      if (tokens[i] < 0) {
        System.arraycopy(shown, (-1 - tokens[i]) * to.columns(), to.values(), at, to.columns());
        continue;
      }
      model.embedding().row(tokens[i], to.values(), at);
      scale(to.values(), at, to.columns(), factor);
    }
  }

  private void run(Block block, List<Span> spans, List<RotaryTable> tables) {
    int count = hidden.count();
    block.attentionNorm().apply(hidden, normed, team);
    tap(ActivationPoint.ATTENTION_NORM, normed, normed.columns());
    project(block, normed);
    int queries = attended.columns();
    int keys = (projected.columns() - queries) / 2;
    tap(ActivationPoint.QUERY, projected, 0, queries);
    tap(ActivationPoint.KEY, projected, queries, keys);
    tap(ActivationPoint.VALUE, projected, queries + keys, keys);
    block.attention().apply(projected, spans, tables, attended, team, taps);
    tap(ActivationPoint.ATTENDED, attended, attended.columns());
    change.resize(count);
    multiply(block.attentionOutput(), attended, change, 0);
    tap(ActivationPoint.ATTENTION_OUTPUT, change, change.columns());
    add(change, hidden);
    tap(ActivationPoint.ATTENTION_SUM, hidden, hidden.columns());
    if (!block.parallel()) {
      block.feedForwardNorm().apply(hidden, normed, team);
      tap(ActivationPoint.FEED_FORWARD_NORM, normed, normed.columns());
    }
    block.feedForward().apply(normed, change, this);
    tap(ActivationPoint.FEED_FORWARD_OUTPUT, change, change.columns());
    add(change, hidden);
    tap(ActivationPoint.LAYER_OUTPUT, hidden, hidden.columns());
  }

  /**
   * Looks at what a layer gave.
   *
   * @throws PhialException.BadInput if it holds NaN or infinity
   */
  static void check(Activations hidden, int layer) {
    for (int row = 0; row < hidden.count(); row++) {
      int at = hidden.row(row);
      int found = Kernels.best().firstNonFinite(hidden.values(), at, at + hidden.columns());
      if (found >= 0) {
        throw new PhialException.BadInput(
            "layer %d: expected finite activations, found %s; the weights are damaged, or were stored in a type too narrow for them"
                .formatted(layer, hidden.values()[found]));
      }
    }
  }

  private Activations wanted(List<Span> spans) {
    change.resize(spans.stream().mapToInt(Span::wanted).sum());
    int row = 0;
    int to = 0;
    for (Span span : spans) {
      row += span.tokens().length;
      for (int i = row - span.wanted(); i < row; i++) {
        change.copy(to++, hidden, i);
      }
    }
    model.outputNorm().apply(change, normed, team);
    tap(ActivationPoint.OUTPUT_NORM.once(), normed, 0, normed.columns());
    return normed;
  }

  /** Room for what {@link #logits} computes. */
  public Activations newLogits() {
    return new Activations(model.hyperparameters().vocabulary());
  }

  /**
   * Computes the logits of some rows.
   *
   * @param rows what {@link Session#append} returned
   * @param logits receives {@code [count][vocabulary]}
   */
  public void logits(Activations rows, int from, int count, Activations logits) {
    change.resize(count);
    for (int i = 0; i < count; i++) {
      change.copy(i, rows, from + i);
    }
    logits.resize(count);
    multiply(model.output(), change, logits, 0);
    tap(ActivationPoint.LOGITS.once(), logits, 0, logits.columns());
    Hyperparameters h = model.hyperparameters();
    for (int i = 0; i < count; i++) {
      int at = logits.row(i);
      scale(logits.values(), at, logits.columns(), h.multipliers().logits());
      for (int token : h.maskedTokens().orElse(List.of())) {
        if (token < logits.columns()) {
          logits.values()[at + token] = UNUSED;
        }
      }
    }
  }

  private void scale(float[] values, int at, int count, double factor) {
    if (factor != 1) {
      team.kernels().scale(values, at, count, (float) factor);
    }
  }

  /** The logit of a token that is never predicted; not infinite, so that differences exist. */
  private static final float UNUSED = -1e30f;

  // for walks

  /** What a norm makes of rows; until the next call. */
  Activations normed(Norm norm, Activations rows) {
    norm.apply(rows, normed, team);
    return normed;
  }

  /** What a matrix makes of rows that become part of the hidden state; until the next call. */
  Activations product(Linear linear, Activations rows) {
    change.resize(rows.count());
    multiply(linear, rows, change, 0);
    return change;
  }

  /**
   * Attention of a whole text.
   *
   * @param cache for its keys and values; what it holds is lost
   */
  void attend(Block block, Activations rows, int[] text, KvCache cache, Activations result) {
    project(block, rows);
    cache.clear();
    cache.reserve(text.length);
    Span span =
        new Span(cache, 0, Rotary.ofText(model.hyperparameters(), text.length), text, text.length);
    List<RotaryTable> tables = List.of(RotaryTable.of(span.rotary(), 0, text.length));
    block.attention().apply(projected, List.of(span), tables, result, team, Taps.NONE);
  }

  /** Adds rows to others of the same width. */
  void add(Activations from, Activations to) {
    forEachRow(
        to.count(),
        row ->
            team.kernels()
                .add(from.values(), from.row(row), to.values(), to.row(row), to.columns()));
  }

  /** Queries and keys, rotated, and values of the last attention; until the next call. */
  Activations projected() {
    return projected;
  }

  private void project(Block block, Activations rows) {
    projected.resize(rows.count());
    int offset = 0;
    for (Linear projection : block.projections()) {
      multiply(projection, rows, projected, offset);
      offset += projection.rows();
    }
  }

  // for the blocks

  /** Shows activations of the layer that is being computed, the first columns of every row. */
  void tap(ActivationPoint point, Activations values, int columns) {
    tap(point, values, 0, columns);
  }

  /** Shows some columns of every row. */
  void tap(ActivationPoint point, Activations values, int from, int columns) {
    if (taps != Taps.NONE) {
      tap(point.in(layer), values, from, columns);
    }
  }

  private void tap(ActivationPlace place, Activations values, int from, int columns) {
    if (!taps.isOpen(place)) {
      return;
    }
    if (values.count() == 1) { // waking the others would take longer
      taps.flow(place, values.values(), values.row(0) + from, columns);
    } else {
      forEachRow(
          values.count(),
          row -> taps.flow(place, values.values(), values.row(row) + from, columns));
    }
  }

  /** Whether somebody looks at a point of the layer that is being computed. */
  boolean isOpen(ActivationPoint point) {
    return taps != Taps.NONE && taps.isOpen(point.in(layer));
  }

  void multiply(Linear linear, Activations x, Activations y, int offset) {
    boolean isRounded = codes.isPresent() && linear.isQuantized();
    linear.apply(isRounded ? rounded(x, linear.columns()) : x, y, offset, team, observer);
  }

  /** What codes stand for in the place of numbers, which others may read as they are. */
  private Activations rounded(Activations x, int columns) {
    rounded.resize(x.count());
    forEachRow(
        x.count(),
        row -> {
          System.arraycopy(x.values(), x.row(row), rounded.values(), rounded.row(row), columns);
          codes.orElseThrow().round(rounded.values(), rounded.row(row), columns);
        });
    return rounded;
  }

  MatrixKernels kernels() {
    return team.kernels();
  }

  void forEachRow(int count, IntConsumer body) {
    team.forEach(count, body);
  }

  Activations inner(int count) {
    inner.resize(count);
    return inner;
  }

  Activations product(int count) {
    product.resize(count);
    return product;
  }

  Activations gathered(int count) {
    gathered.resize(count);
    return gathered;
  }

  /** Makes something of a part of a span. */
  interface Parts<T> {
    /**
     * @param index of the span
     * @param row of the span's first token
     * @param from first token of the part
     * @param to after its last token
     */
    T of(Span span, int index, int row, int from, int to);
  }

  /** Cuts spans into parts of at most {@code most} tokens. */
  static <T> List<T> parts(List<Span> spans, Parts<T> parts, int most) {
    List<T> result = new ArrayList<>();
    int row = 0;
    for (int index = 0; index < spans.size(); index++) {
      Span span = spans.get(index);
      for (int from = 0; from < span.tokens().length; from += most) {
        int to = Math.min(span.tokens().length, from + most);
        result.add(parts.of(span, index, row, from, to));
      }
      row += span.tokens().length;
    }
    return result;
  }
}

package dev.phial.plan;

import dev.phial.model.Role;
import dev.phial.model.Rows;
import dev.phial.model.Weight;
import dev.phial.quant.Format;
import dev.phial.quant.Recoding;
import dev.phial.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A tensor of an output and what it is made of.
 *
 * @param name in the output
 * @param shape in the output, where matrices may be joined or cut apart; outermost dimension first
 * @param sources of its rows; of the elements of a vector, which are rows of one column each
 * @param recoding how codes of the sources come here as they are, if they do
 */
public record PlannedTensor(
    String name, Shape shape, Format format, List<Stretch> sources, Optional<Recoding> recoding) {
  public PlannedTensor {
    sources = List.copyOf(sources);
  }

  /** A whole parameter, of which codes are to be chosen. */
  public static PlannedTensor of(String name, Weight weight, Format format) {
    return of(name, weight.shape(), format, List.of(Rows.of(weight)));
  }

  /** Rows one below the other, of which codes are to be chosen. */
  public static PlannedTensor of(String name, Shape shape, Format format, List<Rows> parts) {
    List<Stretch> sources = new ArrayList<>();
    long to = 0;
    for (Rows part : parts) {
      sources.add(new Stretch(part, to, 1));
      to += part.count();
    }
    return new PlannedTensor(name, shape, format, sources, Optional.empty());
  }

  /** This tensor with codes that come as they are, if there is a recoding. */
  public PlannedTensor with(Optional<Recoding> newRecoding) {
    return new PlannedTensor(name, shape, format, sources, newRecoding);
  }

  /** This tensor in a role that its parameters do not have by themselves. */
  public PlannedTensor as(Role role) {
    List<Stretch> others =
        sources.stream()
            .map(source -> new Stretch(source.rows(), source.to(), source.step(), role))
            .toList();
    return new PlannedTensor(name, shape, format, others, recoding);
  }

  /** The parameter it is made of, the first of several. */
  public Weight weight() {
    return sources.getFirst().rows().weight();
  }

  /** What it does, the first of its rows at least. */
  public Role role() {
    return sources.getFirst().role();
  }

  /** Elements of a row as it is encoded: those of a vector stand alone. */
  public int columns() {
    return shape.rank() == 1 ? 1 : Math.toIntExact(shape.columns());
  }

  /** Bytes in the output, where what blocks in memory hold may be packed. */
  public long storedBytes() {
    return format.storedBytes(shape.elements());
  }

  /** Bytes of its blocks, without padding. */
  public long bytes() {
    return format.bytes(shape.elements());
  }

  /** Bytes of a row as {@link #columns} counts them. */
  public long rowBytes() {
    return format.bytes(columns());
  }

  /** Whether the bytes of the checkpoint are taken over as they are. */
  public boolean isCopied() {
    return sources.stream()
        .map(source -> source.rows().weight())
        .allMatch(weight -> weight.isPlain() && weight.encoding().name().equals(format.name()));
  }
}

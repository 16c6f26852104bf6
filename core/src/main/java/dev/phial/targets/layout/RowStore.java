package dev.phial.targets.layout;

import dev.phial.io.LittleEndian;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.GroupFloat;
import dev.phial.quant.GroupInt;
import dev.phial.quant.MlxFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Row by row: each part of the blocks, codes or scales say, in a slot of its own, block after
 * block.
 */
public final class RowStore implements Store {
  private final int blockBytes;
  private final int blocksPerRow;
  private final List<Part> parts;
  private final List<? extends Slot> slots;

  /** A part of every block. */
  private sealed interface Part {
    Slot slot();

    /**
     * Whole bytes.
     *
     * @param from where they begin in a block
     * @param flip bits to turn over in each of them
     */
    record Whole(Slot slot, int from, int bytes, byte flip) implements Part {}

    /**
     * Four bits, which take a byte of the block.
     *
     * @param rowsAreApart whether every row begins a byte
     */
    record Nibble(Slot slot, int from, long rows, boolean rowsAreApart) implements Part {}
  }

  private RowStore(int blockBytes, int blocksPerRow, List<Part> parts, List<? extends Slot> slots) {
    this.blockBytes = blockBytes;
    this.blocksPerRow = blocksPerRow;
    this.parts = List.copyOf(parts);
    this.slots = List.copyOf(slots);
  }

  private RowStore(PlannedTensor tensor, List<Part> parts) {
    this(
        tensor.format().blockBytes(),
        tensor.columns() / tensor.format().blockSize(),
        parts,
        parts.stream().map(Part::slot).toList());
  }

  /** Blocks as they are encoded. */
  public static RowStore of(PlannedTensor tensor, Slot slot) {
    int bytes = tensor.format().blockBytes();
    return new RowStore(tensor, List.of(new Part.Whole(slot, 0, bytes, (byte) 0)));
  }

  /** A part of every block: the codes alone, say. */
  public static RowStore of(PlannedTensor tensor, int from, int bytes, Slot slot) {
    return new RowStore(tensor, List.of(new Part.Whole(slot, from, bytes, (byte) 0)));
  }

  /**
   * The arrays of a type of MLX.
   *
   * @param slots of the {@link MlxFormat#planes}, in their order
   */
  public static RowStore of(PlannedTensor tensor, MlxFormat format, List<? extends Slot> slots) {
    List<Part> parts = new ArrayList<>();
    int from = 0;
    for (int i = 0; i < slots.size(); i++) {
      int bytes = format.planes().get(i).bytes();
      parts.add(new Part.Whole(slots.get(i), from, bytes, (byte) 0));
      from += bytes;
    }
    return new RowStore(tensor, parts);
  }

  /** Codes and scales of small floating-point numbers apart. */
  public static RowStore of(PlannedTensor tensor, GroupFloat format, Slot codes, Slot scales) {
    return of(tensor, format.scaleBytes(), codes, scales);
  }

  /**
   * Codes and scales apart.
   *
   * @param scaleBytes of a scale, with which a block begins
   */
  public static RowStore of(PlannedTensor tensor, int scaleBytes, Slot codes, Slot scales) {
    int codeBytes = tensor.format().blockBytes() - scaleBytes;
    return new RowStore(
        tensor,
        List.of(
            new Part.Whole(codes, scaleBytes, codeBytes, (byte) 0),
            new Part.Whole(scales, 0, scaleBytes, (byte) 0)));
  }

  /**
   * Codes, scales and zero points of integers apart.
   *
   * @param zeros empty where the format has no zero points
   * @param signed whether the middle code is stored as 0
   * @param rowsAreApart whether the zero points of a row, of which two may share a byte, begin one
   */
  public static RowStore of(
      PlannedTensor tensor,
      GroupInt format,
      Slot codes,
      Slot scales,
      Optional<? extends Slot> zeros,
      boolean signed,
      boolean rowsAreApart) {
    byte flip = (byte) (!signed ? 0 : format.bits() == 8 ? 0x80 : 0x88);
    List<Part> parts = new ArrayList<>();
    parts.add(new Part.Whole(codes, format.codeOffset(), format.codeBytes(), flip));
    parts.add(new Part.Whole(scales, 0, format.scaleType().bytes(), (byte) 0));
    zeros.ifPresent(slot ->
        parts.add(
            format.bits() == 8
                ? new Part.Whole(slot, format.zeroOffset(), 1, flip)
                : new Part.Nibble(slot, format.zeroOffset(), rows(tensor), rowsAreApart)));
    return new RowStore(tensor, parts);
  }

  /** This store with its slots in another order. */
  public RowStore inOrder(List<? extends Slot> order) {
    return new RowStore(blockBytes, blocksPerRow, parts, order);
  }

  private static long rows(PlannedTensor tensor) {
    return tensor.shape().elements() / tensor.columns();
  }

  @Override
  public List<? extends Slot> slots() {
    return slots;
  }

  @Override
  public Writing open(Out out) {
    List<Writing> writings =
        parts.stream()
            .map(part ->
                switch (part) {
                  case Part.Whole whole -> writing(whole, out);
                  case Part.Nibble nibble -> new Nibbles(nibble, out);
                })
            .toList();
    return (blocks, row, rows) -> writings.forEach(writing -> writing.put(blocks, row, rows));
  }

  private Writing writing(Part.Whole part, Out out) {
    return (blocks, row, rows) ->
        out.write(part.slot, bytes(part, blocks, rows), row * blocksPerRow * part.bytes);
  }

  private byte[] bytes(Part.Whole part, byte[] blocks, int rows) {
    if (part.bytes == blockBytes && part.flip == 0) {
      return blocks;
    }
    int count = rows * blocksPerRow;
    byte[] bytes = new byte[count * part.bytes];
    LittleEndian.copyParts(blocks, part.from, blockBytes, bytes, 0, part.bytes, part.bytes, count);
    if (part.flip != 0) {
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] ^= part.flip;
      }
    }
    return bytes;
  }

  /**
   * Packs nibbles of which two share a byte. Where neighbours in a byte come from different rows,
   * and perhaps different threads, they are held until all are there.
   */
  private final class Nibbles implements Writing {
    private final Part.Nibble part;
    private final Out out;
    private final byte[] held; // empty where bytes belong to one row
    private long missing;

    Nibbles(Part.Nibble part, Out out) {
      this.part = part;
      this.out = out;
      this.missing = part.rows * blocksPerRow;
      this.held =
          new byte[part.rowsAreApart || blocksPerRow % 2 == 0 ? 0 : Math.toIntExact(missing)];
    }

    @Override
    public void put(byte[] blocks, long row, int rows) {
      byte[] nibbles = new byte[rows * blocksPerRow];
      for (int i = 0; i < nibbles.length; i++) {
        nibbles[i] = blocks[i * blockBytes + part.from];
      }
      if (held.length > 0) {
        hold(nibbles, Math.toIntExact(row * blocksPerRow));
        return;
      }
      int rowBytes = (blocksPerRow + 1) / 2;
      byte[] packed = new byte[rows * rowBytes];
      for (int i = 0; i < rows; i++) {
        pack(nibbles, i * blocksPerRow, blocksPerRow, packed, i * rowBytes);
      }
      out.write(part.slot, packed, row * rowBytes);
    }

    private synchronized void hold(byte[] nibbles, int first) {
      System.arraycopy(nibbles, 0, held, first, nibbles.length);
      missing -= nibbles.length;
      if (missing == 0) {
        byte[] packed = new byte[(held.length + 1) / 2];
        pack(held, 0, held.length, packed, 0);
        out.write(part.slot, packed, 0);
      }
    }

    private static void pack(byte[] nibbles, int from, int count, byte[] to, int at) {
      for (int i = 0; i < count; i++) {
        to[at + i / 2] |= (byte) (i % 2 == 0 ? nibbles[from + i] : nibbles[from + i] << 4);
      }
    }
  }
}

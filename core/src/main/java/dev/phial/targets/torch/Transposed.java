package dev.phial.targets.torch;

import dev.phial.io.LittleEndian;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.GroupInt;
import dev.phial.quant.WordCodes;
import dev.phial.targets.layout.Out;
import dev.phial.targets.layout.Panels;
import dev.phial.targets.layout.Slot;
import dev.phial.targets.layout.Store;
import java.util.List;

/**
 * Rows as columns, as GPTQ's and AWQ's tools keep them: scales {@code [groups, out]}, and codes in
 * words of 32 bits: for GPTQ those of a row, {@code [in · bits / 32, out]}; for AWQ those of rows
 * that follow each other, {@code [in, out / 8]}, and zero points alike.
 */
final class Transposed implements Store {
  private final GroupInt format;
  private final long rows;
  private final int columns;
  private final List<Part> parts;

  /** Something of a block, and where it goes. */
  private sealed interface Part {
    Slot slot();

    /** Codes, each word of one row. */
    record RowWords(Slot slot) implements Part {}

    /** Codes, each word of rows that follow each other. */
    record Words(Slot slot) implements Part {}

    /** Zero points, each word of rows that follow each other. */
    record Zeros(Slot slot) implements Part {}

    /** Scales. */
    record Scales(Slot slot) implements Part {}
  }

  private Transposed(PlannedTensor tensor, GroupInt format, List<Part> parts) {
    this.format = format;
    this.rows = tensor.shape().rows();
    this.columns = tensor.columns();
    this.parts = parts;
  }

  static Transposed gptq(PlannedTensor tensor, GroupInt format, Slot codes, Slot scales) {
    return new Transposed(
        tensor, format, List.of(new Part.RowWords(codes), new Part.Scales(scales)));
  }

  static Transposed awq(
      PlannedTensor tensor, GroupInt format, Slot codes, Slot zeros, Slot scales) {
    return new Transposed(
        tensor,
        format,
        List.of(new Part.Words(codes), new Part.Zeros(zeros), new Part.Scales(scales)));
  }

  @Override
  public List<Slot> slots() {
    return parts.stream().map(Part::slot).toList();
  }

  @Override
  public Writing open(Out out) {
    int rowBytes = columns / format.blockSize() * format.blockBytes();
    Panels<byte[]> panels = new Panels<>(rows, () -> new byte[Panels.WIDTH * rowBytes]);
    return (blocks, row, count) ->
        panels.accept(
            row,
            count,
            (content, column, offset, part) ->
                System.arraycopy(
                    blocks, offset * rowBytes, content, column * rowBytes, part * rowBytes),
            panel -> parts.forEach(part -> write(part, panel, out)));
  }

  private void write(Part part, Panels.Panel<byte[]> panel, Out out) {
    switch (part) {
      case Part.RowWords words -> writeRowWords(words.slot, panel, out);
      case Part.Words words -> {
        byte[] codes = new byte[columns * panel.width()]; // [columns][rows]
        for (int row = 0; row < panel.width(); row++) {
          for (int i = 0; i < columns; i++) {
            int block = block(row, i / format.blockSize());
            codes[i * panel.width() + row] =
                format.code(panel.content(), block, i % format.blockSize());
          }
        }
        writeWords(words.slot, codes, columns, panel, out);
      }
      case Part.Zeros zeros -> {
        int groups = columns / format.blockSize();
        byte[] codes = new byte[groups * panel.width()]; // [groups][rows]
        for (int row = 0; row < panel.width(); row++) {
          for (int group = 0; group < groups; group++) {
            codes[group * panel.width() + row] =
                panel.content()[block(row, group) + format.zeroOffset()];
          }
        }
        writeWords(zeros.slot, codes, groups, panel, out);
      }
      case Part.Scales scales -> writeScales(scales.slot, panel, out);
    }
  }

  private int block(int row, int group) {
    return (row * (columns / format.blockSize()) + group) * format.blockBytes();
  }

  private void writeRowWords(Slot slot, Panels.Panel<byte[]> panel, Out out) {
    int words = columns * format.bits() / Integer.SIZE;
    int wordsOfGroup = words / (columns / format.blockSize());
    byte[] line = new byte[panel.width() * Integer.BYTES];
    for (int word = 0; word < words; word++) {
      int inGroup = format.codeOffset() + word % wordsOfGroup * Integer.BYTES;
      for (int row = 0; row < panel.width(); row++) {
        int from = block(row, word / wordsOfGroup) + inGroup;
        System.arraycopy(panel.content(), from, line, row * Integer.BYTES, Integer.BYTES);
      }
      out.write(slot, line, (word * rows + panel.first()) * Integer.BYTES);
    }
  }

  /**
   * Packs codes of rows side by side, eight a word, in AWQ's order.
   *
   * @param codes {@code [lines][rows of the panel]}
   */
  private void writeWords(Slot slot, byte[] codes, int lines, Panels.Panel<byte[]> panel, Out out) {
    int perWord = Integer.SIZE / format.bits();
    byte[] line = new byte[panel.width() / perWord * Integer.BYTES];
    for (int i = 0; i < lines; i++) {
      for (int at = 0; at < panel.width(); at += perWord) {
        int word = 0;
        for (int k = 0; k < perWord; k++) {
          int code = codes[i * panel.width() + at + k] & 0xFF;
          word |= code << WordCodes.Order.AWQ.place(k) * format.bits();
        }
        LittleEndian.putInt(line, at / perWord * Integer.BYTES, word);
      }
      out.write(slot, line, (i * rows + panel.first()) / perWord * Integer.BYTES);
    }
  }

  private void writeScales(Slot slot, Panels.Panel<byte[]> panel, Out out) {
    int bytes = format.scaleType().bytes();
    byte[] line = new byte[panel.width() * bytes];
    for (int group = 0; group < columns / format.blockSize(); group++) {
      for (int row = 0; row < panel.width(); row++) {
        System.arraycopy(panel.content(), block(row, group), line, row * bytes, bytes);
      }
      out.write(slot, line, (group * rows + panel.first()) * bytes);
    }
  }
}

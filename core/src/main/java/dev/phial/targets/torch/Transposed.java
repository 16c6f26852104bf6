package dev.phial.targets.torch;

import dev.phial.io.LittleEndian;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.GroupInt;
import dev.phial.quant.WordCodes;
import dev.phial.targets.layout.Out;
import dev.phial.targets.layout.Panels;
import dev.phial.targets.layout.Slot;
import dev.phial.targets.layout.Store;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * Rows as columns, as GPTQ's and AWQ's tools keep them: scales {@code [groups, out]}, and codes in
 * words of 32 bits: for GPTQ those of a row, {@code [in · bits / 32, out]}; for AWQ those of rows
 * that follow each other, {@code [in, out / 8]}, and zero points alike.
 */
final class Transposed implements Store {
  /** Rows that are held together: a stretch of the file is as long as their codes. */
  private static final int WIDTH = 4 * Panels.WIDTH;

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
    Panels<byte[]> panels = new Panels<>(rows, WIDTH, () -> new byte[WIDTH * rowBytes]);
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
      case Part.Words words -> writeWords(words.slot, columns, this::codes, panel, out);
      case Part.Zeros zeros ->
          writeWords(zeros.slot, columns / format.blockSize(), this::zeros, panel, out);
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

  /** Adds what a row has to the words of some rows. */
  private interface Adder {
    /**
     * @param row of the panel
     * @param shift where in the words its codes go, in bits
     */
    void add(byte[] blocks, int row, int shift, int[] words);
  }

  private void codes(byte[] blocks, int row, int shift, int[] words) {
    int size = format.blockSize();
    for (int group = 0; group < columns / size; group++) {
      int from = block(row, group) + format.codeOffset();
      for (int i = 0; i < size; i += 2) {
        int pair = blocks[from + i / 2];
        words[group * size + i] |= (pair & 0xF) << shift;
        words[group * size + i + 1] |= (pair >> 4 & 0xF) << shift;
      }
    }
  }

  private void zeros(byte[] blocks, int row, int shift, int[] words) {
    for (int group = 0; group < words.length; group++) {
      words[group] |= (blocks[block(row, group) + format.zeroOffset()] & 0xF) << shift;
    }
  }

  /** Packs nibbles of rows side by side, eight a word, in AWQ's order. */
  private void writeWords(Slot slot, int lines, Adder adder, Panels.Panel<byte[]> panel, Out out) {
    int perWord = Integer.SIZE / format.bits();
    int perLine = panel.width() / perWord * Integer.BYTES;
    byte[] all = new byte[lines * perLine]; // [lines][words]
    int[] words = new int[lines];
    for (int at = 0; at < panel.width(); at += perWord) {
      Arrays.fill(words, 0);
      for (int k = 0; k < perWord; k++) {
        int shift = WordCodes.Order.AWQ.place(k) * format.bits();
        adder.add(panel.content(), at + k, shift, words);
      }
      for (int i = 0; i < lines; i++) {
        LittleEndian.putInt(all, i * perLine + at / perWord * Integer.BYTES, words[i]);
      }
    }
    for (int i = 0; i < lines; i++) {
      out.write(
          slot,
          ByteBuffer.wrap(all, i * perLine, perLine),
          (i * rows + panel.first()) / perWord * Integer.BYTES);
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

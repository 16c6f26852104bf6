package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.source.SentencePiece.Piece;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

final class SentencePieceTest {
  @TempDir Path folder;

  /** A field of bytes: its number, how many they are, and they. */
  private static byte[] field(int number, byte[] bytes) {
    return Bytes.of((byte) (number << 3 | 2), (byte) bytes.length, bytes);
  }

  private static byte[] text(String text) {
    return field(1, Bytes.of(text));
  }

  private static byte[] score(float score) {
    return Bytes.of((byte) (2 << 3 | 5), score);
  }

  private static byte[] type(int type) {
    return Bytes.of((byte) (3 << 3), (byte) type);
  }

  private static byte[] piece(Object... parts) {
    return field(1, Bytes.of(parts));
  }

  static byte[] everyType() {
    return Bytes.of(
        piece(text("<unk>"), type(2)),
        piece(text("<s>"), type(3), score(-1)),
        field(2, Bytes.of("a trainer's settings")),
        piece(score(-2.5f), text("▁the")),
        piece(text("own"), type(4)),
        piece(text("not"), type(5)),
        piece(text("<0x0A>"), type(6)),
        piece(
            text("later"),
            type(99),
            Bytes.of((byte) (200 << 3 & 0x7F | 0x80), (byte) 12, (byte) 1)),
        piece());
  }

  @Test
  void readsPieces() {
    assertThat(read(everyType()).pieces())
        .containsExactly(
            new Piece("<unk>", 0, SentencePiece.Type.UNKNOWN),
            new Piece("<s>", -1, SentencePiece.Type.CONTROL),
            new Piece("▁the", -2.5f, SentencePiece.Type.NORMAL),
            new Piece("own", 0, SentencePiece.Type.USER_DEFINED),
            new Piece("not", 0, SentencePiece.Type.UNUSED),
            new Piece("<0x0A>", 0, SentencePiece.Type.BYTE),
            new Piece("later", 0, SentencePiece.Type.BYTE),
            new Piece("", 0, SentencePiece.Type.NORMAL));
  }

  static Stream<Arguments> files() {
    byte[] sound = piece(text("a"));
    byte ff = (byte) 0xFF;
    return Stream.of(
        Arguments.of("no pieces", new byte[0]),
        Arguments.of("no pieces", field(2, Bytes.of("settings"))),
        Arguments.of("error", Bytes.of("{}")),
        Arguments.of("Git LFS", Bytes.of("version https://git-lfs.github.com/spec/v1\n")),
        Arguments.of("ended unexpectedly", new byte[] {10}),
        Arguments.of("ended unexpectedly", new byte[] {10, 5, 10, 3, 'a'}),
        Arguments.of("ended unexpectedly", Bytes.of(sound, new byte[] {10, 3, 10, 1})),
        Arguments.of("error", new byte[] {10, 3, 10, 9, 'a'}), // beyond its piece
        Arguments.of("UTF-8", piece(field(1, new byte[] {ff}))),
        Arguments.of("invalid tag", Bytes.of(sound, new byte[] {0, 0})),
        Arguments.of("invalid wire type", Bytes.of(sound, new byte[] {23})),
        Arguments.of("malformed varint", Bytes.of(sound, repeat(ff, 12))),
        Arguments.of("negative size", Bytes.of(new byte[] {10, ff, ff, ff, ff, 15})),
        Arguments.of("found 65537", Bytes.of(new byte[] {10, (byte) 0x81, (byte) 0x80, 4})),
        Arguments.of("negative size", piece(Bytes.of(new byte[] {10, ff, ff, ff, ff, 15}))),
        Arguments.of("too many levels", Bytes.of(sound, repeat((byte) (9 << 3 | 3), 100_000))));
  }

  private static byte[] repeat(byte value, int times) {
    byte[] bytes = new byte[times];
    Arrays.fill(bytes, value);
    return bytes;
  }

  @ParameterizedTest
  @MethodSource("files")
  void refuses(String found, byte[] bytes) {
    Path file = folder.resolve("tokenizer.model");
    Refused.asBad(file, found, () -> read(bytes));
  }

  private SentencePiece read(byte[] bytes) {
    return SentencePiece.read(Refused.write(folder.resolve("tokenizer.model"), bytes));
  }
}

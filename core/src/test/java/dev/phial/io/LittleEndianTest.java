package dev.phial.io;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class LittleEndianTest {
  @ParameterizedTest
  @ValueSource(ints = {2, 4, 8, 10, 16, 30, 64})
  void nibblesShareBytes(int count) {
    byte[] nibbles = new byte[count + 1];
    Random random = new Random(count);
    for (int i = 0; i < nibbles.length; i++) {
      nibbles[i] = (byte) random.nextInt(16);
    }
    byte[] packed = new byte[count / 2 + 3];
    LittleEndian.packNibbles(nibbles, 1, count, packed, 2);
    for (int i = 0; i < count; i++) {
      assertThat(packed[2 + i / 2] >> i % 2 * 4 & 0xF).isEqualTo(nibbles[1 + i]);
    }
    assertThat(packed[1]).isZero();
    assertThat(packed[2 + count / 2]).isZero();
  }

  @Test
  void partsOfBlocksAreCopiedWhateverTheirSize() {
    byte[] blocks = new byte[5 * 50];
    new Random(1).nextBytes(blocks);
    for (int bytes : new int[] {1, 2, 3, 4, 8, 16, 32, 33, 48}) {
      byte[] parts = new byte[5 * bytes];
      LittleEndian.copyParts(blocks, 2, 50, parts, 0, bytes, bytes, 5);
      for (int i = 0; i < parts.length; i++) {
        assertThat(parts[i]).isEqualTo(blocks[2 + i / bytes * 50 + i % bytes]);
      }
    }
  }
}

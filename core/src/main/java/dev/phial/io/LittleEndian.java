package dev.phial.io;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Numbers in byte arrays, the low byte first, at any offset. */
public final class LittleEndian {
  private static final VarHandle SHORT = view(short[].class);
  private static final VarHandle INT = view(int[].class);
  private static final VarHandle LONG = view(long[].class);
  private static final VarHandle FLOAT = view(float[].class);

  private LittleEndian() {}

  private static VarHandle view(Class<?> array) {
    return MethodHandles.byteArrayViewVarHandle(array, ByteOrder.LITTLE_ENDIAN);
  }

  public static void putShort(byte[] to, int at, short value) {
    SHORT.set(to, at, value);
  }

  public static void putInt(byte[] to, int at, int value) {
    INT.set(to, at, value);
  }

  public static void putLong(byte[] to, int at, long value) {
    LONG.set(to, at, value);
  }

  public static void putFloat(byte[] to, int at, float value) {
    FLOAT.set(to, at, value);
  }

  /** The bytes of numbers in single precision, one after the other. */
  public static byte[] floats(float... values) {
    byte[] bytes = new byte[values.length * Float.BYTES];
    for (int i = 0; i < values.length; i++) {
      putFloat(bytes, i * Float.BYTES, values[i]);
    }
    return bytes;
  }

  /** The half-precision bits of {@code value}, rounded to nearest even. */
  public static void putHalf(byte[] to, int at, float value) {
    SHORT.set(to, at, Float.floatToFloat16(value));
  }

  public static short readShort(byte[] from, int at) {
    return (short) SHORT.get(from, at);
  }

  public static int readInt(byte[] from, int at) {
    return (int) INT.get(from, at);
  }

  public static long readLong(byte[] from, int at) {
    return (long) LONG.get(from, at);
  }

  public static float readFloat(byte[] from, int at) {
    return (float) FLOAT.get(from, at);
  }

  public static float readHalf(byte[] from, int at) {
    return Float.float16ToFloat((short) SHORT.get(from, at));
  }

  /**
   * Copies the same part of every block, in and out of blocks. Copying a few bytes as one number is
   * several times as fast as {@link System#arraycopy}.
   *
   * @param step from one part to the next in {@code from}
   * @param toStep the same in {@code to}
   * @param bytes of the part
   */
  public static void copyParts(
      byte[] from, int at, int step, byte[] to, int toAt, int toStep, int bytes, int count) {
    switch (bytes) {
      case Short.BYTES -> {
        for (int i = 0; i < count; i++) {
          SHORT.set(to, toAt + i * toStep, (short) SHORT.get(from, at + i * step));
        }
      }
      case Integer.BYTES -> {
        for (int i = 0; i < count; i++) {
          INT.set(to, toAt + i * toStep, (int) INT.get(from, at + i * step));
        }
      }
      case 2 * Long.BYTES -> {
        for (int i = 0; i < count; i++) {
          int start = at + i * step;
          int end = toAt + i * toStep;
          LONG.set(to, end, (long) LONG.get(from, start));
          LONG.set(to, end + Long.BYTES, (long) LONG.get(from, start + Long.BYTES));
        }
      }
      default -> {
        for (int i = 0; i < count; i++) {
          System.arraycopy(from, at + i * step, to, toAt + i * toStep, bytes);
        }
      }
    }
  }

  /**
   * Puts two nibbles into a byte, the even one below.
   *
   * @param nibbles below 16, {@code count} from {@code from}, an even number
   */
  public static void packNibbles(byte[] nibbles, int from, int count, byte[] to, int at) {
    int i = 0;
    for (; i + Long.BYTES <= count; i += Long.BYTES) { // eight at once
      long eight = (long) LONG.get(nibbles, from + i);
      eight = (eight | eight >>> 4) & 0x00FF00FF00FF00FFL;
      eight = (eight | eight >>> 8) & 0x0000FFFF0000FFFFL;
      INT.set(to, at + i / 2, (int) (eight | eight >>> 16));
    }
    for (; i < count; i += 2) {
      to[at + i / 2] = (byte) (nibbles[from + i] | nibbles[from + i + 1] << 4);
    }
  }
}

package dev.phial.quant.method;

/**
 * What groups of elements became: {@code value = (code - zero) · scale}.
 *
 * @param codes {@code [groups][size]}, unsigned
 * @param scales {@code [groups]}, exact in the type that stores them
 * @param zeros {@code [groups]}, unsigned
 */
public record GroupCodes(byte[] codes, float[] scales, byte[] zeros) {
  public GroupCodes(int groups, int size) {
    this(new byte[groups * size], new float[groups], new byte[groups]);
  }
}

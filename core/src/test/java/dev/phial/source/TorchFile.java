package dev.phial.source;

import java.util.ArrayList;
import java.util.List;

/** A PyTorch checkpoint as tests write it: a zip archive of stored entries, and pickle opcodes. */
final class TorchFile {
  private TorchFile() {}

  /**
   * An archive as PKWARE's APPNOTE.TXT describes it.
   *
   * @param namesAndData a name, its bytes, the next name, …
   */
  static byte[] zip(Object... namesAndData) {
    List<Object> locals = new ArrayList<>();
    List<Object> directory = new ArrayList<>();
    int at = 0;
    for (int i = 0; i < namesAndData.length; i += 2) {
      byte[] name = Bytes.of(namesAndData[i]);
      byte[] data = Bytes.of(namesAndData[i + 1]);
      // version, flags, method, time, checksum, sizes, length of the name, no extra field
      byte[] common =
          Bytes.of(0, (short) 0, 0, 0, data.length, data.length, (short) name.length, (short) 0);
      byte[] local = Bytes.of("PK\3\4", common, name, data);
      // version; then no comment, disk or attributes, and the offset
      directory.add(
          Bytes.of("PK\1\2", (short) 0, common, (short) 0, (short) 0, (short) 0, 0, at, name));
      locals.add(local);
      at += local.length;
    }
    byte[] central = Bytes.of(directory.toArray());
    short count = (short) directory.size();
    return Bytes.of(
        Bytes.of(locals.toArray()),
        central,
        "PK\5\6",
        0,
        count,
        count,
        central.length,
        at,
        (short) 0);
  }

  /** A checkpoint with one storage, {@code 0}, of six bytes. */
  static byte[] checkpoint(byte[] pickle) {
    return zip("a/data.pkl", pickle, "a/byteorder", "little", "a/data/0", "\1\2\3\4\5\6");
  }

  /** Protocol 2, the opcodes, STOP. */
  static byte[] pickle(Object... opcodes) {
    return Bytes.of((byte) 0x80, (byte) 2, Bytes.of(opcodes), ".");
  }

  /** BINUNICODE. */
  static byte[] text(String text) {
    return Bytes.of("X", Bytes.of(text).length, text);
  }

  /** GLOBAL. */
  static byte[] global(String module, String name) {
    return Bytes.of("c" + module + "\n" + name + "\n");
  }

  /** BININT. */
  static byte[] number(int value) {
    return Bytes.of("J", value);
  }

  /** MARK, numbers, TUPLE. */
  static byte[] tuple(int... values) {
    List<Object> parts = new ArrayList<>(List.of("("));
    for (int value : values) {
      parts.add(number(value));
    }
    parts.add("t");
    return Bytes.of(parts.toArray());
  }

  /** BINPERSID of a storage. */
  static byte[] storage(String type, String key, int elements) {
    return Bytes.of(
        "(",
        text("storage"),
        global("torch", type),
        text(key),
        text("cpu"),
        number(elements),
        "tQ");
  }

  /** A call of {@code _rebuild_tensor_v2} on storage 0 as bytes. */
  static byte[] tensor(int offset, int[] shape, int... strides) {
    return Bytes.of(
        global("torch._utils", "_rebuild_tensor_v2"),
        "(",
        storage("CharStorage", "0", 6),
        number(offset),
        tuple(shape),
        tuple(strides),
        (byte) 0x89,
        global("collections", "OrderedDict"),
        ")RtR");
  }

  /** A dictionary of one tensor: EMPTY_DICT, name, tensor, SETITEM. */
  static byte[] dictionary(String name, byte[] tensor) {
    return Bytes.of("}", text(name), tensor, "s");
  }
}

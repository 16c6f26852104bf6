package dev.phial.engine.work;

import java.io.DataOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.ObjectInputFilter;
import java.io.ObjectInputStream;
import java.io.ObjectOutputStream;

/** What tasks find out, as bytes. */
final class Values {
  /** Numbers in classes of ours; nothing else is made of bytes, whoever wrote them. */
  private static final ObjectInputFilter FILTER =
      ObjectInputFilter.Config.createFilter(
          "dev.phial.engine.eval.Scores;dev.phial.engine.calibrate.InputSquares$Sums;java.util.TreeMap;!*");

  private Values() {}

  static void write(Object value, DataOutputStream out) throws IOException {
    ObjectOutputStream objects = new ObjectOutputStream(out);
    objects.writeObject(value);
    objects.flush();
  }

  /** Reads one, and leaves the stream open. */
  static Object read(InputStream written) throws IOException {
    ObjectInputStream in = new ObjectInputStream(written);
    in.setObjectInputFilter(FILTER);
    try {
      return in.readObject();
    } catch (ClassNotFoundException e) {
      throw new IOException(e);
    }
  }
}

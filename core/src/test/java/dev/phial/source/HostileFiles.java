package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.io.Json;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.IntFunction;
import onnx.Onnx.GraphProto;
import onnx.Onnx.NodeProto;

/**
 * Files made to fill the memory or to take for ever. The program reads each and prints its name,
 * the milliseconds of work until it was refused, however busy the machine, and the refusal; {@link
 * HostileFilesTest} runs it with a small heap.
 */
final class HostileFiles {
  private static final int MIB = 1 << 20;
  private static final ThreadMXBean THREADS = ManagementFactory.getThreadMXBean();

  private interface Writer {
    void write(OutputStream to) throws IOException;
  }

  private record Case(String name, String file, Consumer<Path> reader, Writer writer) {}

  private HostileFiles() {}

  public static void main(String[] arguments) throws IOException {
    Path folder = Path.of(arguments[0]);
    Refused.in(Safetensors::read); // loads what every reader needs
    for (Case hostile : cases()) {
      Path file = folder.resolve(hostile.file);
      try (OutputStream out = new BufferedOutputStream(Files.newOutputStream(file), MIB)) {
        hostile.writer.write(out);
      }
      long milliseconds = Long.MAX_VALUE;
      String outcome = "";
      // the first time the compiler is at work
      for (int attempt = 0; attempt < 3 && milliseconds >= 1000; attempt++) {
        long start = THREADS.getCurrentThreadCpuTime();
        outcome = outcome(hostile, file);
        milliseconds = (THREADS.getCurrentThreadCpuTime() - start) / 1_000_000;
      }
      System.out.printf("%s\t%d\t%s%n", hostile.name, milliseconds, outcome);
      Files.delete(file);
    }
  }

  private static String outcome(Case hostile, Path file) {
    try {
      hostile.reader.accept(file);
      return "was read";
    } catch (PhialException e) {
      return "refused: " + e.getMessage();
    } catch (Throwable e) {
      return e.toString();
    }
  }

  private static List<Case> cases() {
    return List.of(
        new Case(
            "safetensors of 100 MB of junk",
            "m.safetensors",
            Refused.in(Safetensors::read),
            out -> {
              out.write(Bytes.of(100_000_000L));
              repeat(out, 100_000_000, i -> many("{junk "));
            }),
        safetensors("spaces", i -> many(" ")),
        safetensors("open brackets", i -> i == 0 ? "\"a\":" : many("[")),
        safetensors("a name without an end", i -> i == 0 ? "\"" : many("x")),
        safetensors("a text without an end", i -> i == 0 ? "\"a\":\"" : many("x")),
        safetensors("digits", i -> i == 0 ? "\"a\":" : many("1")),
        safetensors("metadata", i -> (i == 0 ? "\"__metadata__\":{\"" : "\"") + i + "\":\"\","),
        safetensors(
            "tensors",
            i ->
                "\""
                    + i
                    + "\":{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":["
                    + i
                    + ","
                    + (i + 1)
                    + "]},"),
        safetensors("a long shape", i -> i == 0 ? "\"a\":{\"shape\":[" : many("1,")),
        gguf("a count of strings", 1, out -> text(out, "k", 9, 8, 1L << 40)),
        gguf("empty strings", 1, out -> strings(out, "k", 8_000_000)),
        gguf(
            "empty strings in many arrays",
            1000,
            out -> {
              for (int i = 0; i < 1000; i++) {
                strings(out, "k" + i, 100_000);
              }
            }),
        gguf(
            "numbers in many arrays",
            10,
            out -> {
              for (int i = 0; i < 10; i++) {
                text(out, "k" + i, 9, 0, 30L * MIB);
                out.write(new byte[30 * MIB]);
              }
            }),
        gguf(
            "keys",
            65_536,
            out -> {
              for (int i = 0; i < 65_536; i++) {
                text(out, "k".repeat(500) + Math.min(i, 65_534), 0, 0);
              }
            }),
        gguf(
            "one long string",
            1,
            out -> {
              out.write(Bytes.of(1L, "k", 8, 200L * MIB));
              repeat(out, 200 * MIB, i -> many("x"));
            }),
        torch("dictionaries", out -> repeat(out, 60 * MIB, i -> many("}"))),
        torch("marks", out -> repeat(out, 60 * MIB, i -> many("("))),
        torch("tuples that double", out -> repeat(out, 60 * MIB, i -> many(")q\0h\0\u0086q\0"))),
        torch(
            "texts",
            out -> {
              for (int i = 0; i < 60; i++) {
                out.write(Bytes.of("X", MIB));
                out.write(Bytes.of("é".repeat(MIB / 2)));
              }
            }),
        torch("keys with one hash", HostileFiles::colliding),
        new Case("entries", "m.bin", Refused.in(TorchPickle::read), HostileFiles::entries),
        config("open brackets", 200 * MIB, i -> many("[")),
        config("empty objects", 30 * MIB, i -> many("{},")),
        config("empty lists", 30 * MIB, i -> many("[],")),
        config("numbers", 30 * MIB, i -> many("1,2,3,")),
        config("texts", 200 * MIB, i -> "\"" + "x".repeat(1000) + "\","),
        tokenizer("open brackets", i -> i == 0 ? "{\"post_processor\":" : many("[")),
        tokenizer("added tokens", i -> (i == 0 ? "{\"added_tokens\":[" : "") + many("{},")),
        tokenizer(
            "tokens", i -> (i == 0 ? "{\"model\":{\"vocab\":{\"" : "\"") + i + "\":" + i + ","),
        tokenizer("merges", i -> i == 0 ? "{\"model\":{\"merges\":[" : many("\"a b\",")),
        tokenizer("a token without an end", i -> i == 0 ? "{\"model\":{\"vocab\":{\"" : many("x")),
        pieces("no text", 200 * MIB, Bytes.of((byte) 10, (byte) 0)),
        pieces(
            "text",
            200 * MIB,
            Bytes.of((byte) 10, (byte) 102, (byte) 10, (byte) 100, "x".repeat(100))),
        pieces("open groups", 30 * MIB, Bytes.of((byte) (9 << 3 | 3))),
        new Case(
            "sentencepiece of one long piece",
            "tokenizer.model",
            SentencePiece::read,
            out -> {
              out.write(Bytes.of((byte) 10, (byte) 0x80, (byte) 0x80, (byte) 0x80, (byte) 100));
              repeat(out, 200 * MIB, i -> many("x"));
            }),
        onnx("empty nodes", 30 * MIB, Bytes.of((byte) (1 << 3 | 2), (byte) 0)),
        onnx("groups that nest", 30 * MIB, Bytes.of((byte) (1 << 3 | 3))),
        onnx("nodes with long names", 200 * MIB, onnxNode("x".repeat(500))),
        onnx("nodes with outputs of one name", 30 * MIB, onnxNode("x")),
        onnx("numbers without an end", 30 * MIB, Bytes.of((byte) 0xFF)),
        openvino("layers", i -> layer(i)),
        openvino("layers of one number", i -> "<layer id=\"0\" name=\"\" type=\"a\"/>"),
        openvino("edges", i -> (i == 0 ? "</layers><edges>" : "") + edge(i)),
        openvino("elements that say nothing", i -> many("<a/>")),
        openvino("open elements", i -> many("<a>")),
        openvino("names", i -> "<a" + i + "/>"),
        openvino("attributes", i -> attributes(i)),
        openvino("a text without an end", i -> many("x")),
        openvino("texts", i -> many("xxxxxxx").substring(0, 20_000) + "<a/>"),
        openvino("character references", i -> "<a b=\"" + many("&#9;") + "\"/>"),
        openvino("an attribute without an end", i -> i == 0 ? "<a b=\"" : many("x")),
        openvino("a comment without an end", i -> i == 0 ? "<!--" : many("<x")),
        openvino("long shapes", i -> shape(i)),
        tflite("tensors that are one", HostileFiles::sameTensors),
        tflite("operators that are one", HostileFiles::sameOperators),
        tflite("a long name", HostileFiles::longName),
        tflite("parameters that are one", HostileFiles::sameParameters),
        imatrix("values", out -> entries(out, 2, 80 * MIB)),
        imatrix("entries", out -> entries(out, 65_536, 2_400)),
        imatrix("a long name", out -> out.write(Bytes.of(1, 200 * MIB))),
        index("names", 31 * MIB, i -> "\"" + i + "\":\"m.safetensors\","),
        index("a name without an end", 31 * MIB, i -> i == 0 ? "\"" : many("x")));
  }

  /** With a header of nearly the largest size. */
  private static Case safetensors(String what, IntFunction<String> part) {
    return new Case(
        "safetensors of " + what,
        "m.safetensors",
        Refused.in(Safetensors::read),
        out -> {
          out.write(Bytes.of(16L * MIB, "{"));
          repeat(out, 17 * MIB, part);
        });
  }

  private static Case gguf(String what, long keys, Writer metadata) {
    return new Case(
        "gguf of " + what,
        "m.gguf",
        file -> Gguf.open(file).close(),
        out -> {
          out.write(Bytes.of("GGUF", 3, 0L, keys));
          metadata.write(out);
        });
  }

  /** A key with its type, and the type and number of what follows. */
  private static void text(OutputStream out, String key, int type, int elementType, long count)
      throws IOException {
    out.write(Bytes.of((long) key.length(), key, type, elementType, count));
  }

  private static void text(OutputStream out, String key, int type, int value) throws IOException {
    out.write(Bytes.of((long) key.length(), key, type, (byte) value));
  }

  private static void strings(OutputStream out, String key, int count) throws IOException {
    text(out, key, 9, 8, count);
    out.write(new byte[8 * count]);
  }

  private static Case torch(String what, Writer opcodes) {
    return new Case(
        "pickle of " + what,
        "m.bin",
        Refused.in(TorchPickle::read),
        out -> {
          Path pickle = Files.createTempFile("phial", ".pkl");
          try (OutputStream to = new BufferedOutputStream(Files.newOutputStream(pickle))) {
            to.write(new byte[] {(byte) 0x80, 2});
            opcodes.write(to);
          }
          byte[] shell = TorchFile.zip("a/data.pkl", "");
          int size = (int) Files.size(pickle);
          byte[] sizes = Bytes.of(size, size);
          System.arraycopy(sizes, 0, shell, 18, 8); // of the local header
          System.arraycopy(sizes, 0, shell, 40 + 20, 8); // of the directory
          System.arraycopy(Bytes.of(40 + size), 0, shell, shell.length - 6, 4);
          out.write(shell, 0, 40);
          Files.copy(pickle, out);
          out.write(shell, 40, shell.length - 40);
          Files.delete(pickle);
        });
  }

  /** A dictionary of {@code AaAa…}, {@code AaBB…}, …: 200,000 keys with equal hash codes. */
  private static void colliding(OutputStream out) throws IOException {
    out.write(Bytes.of("}("));
    for (int i = 0; i < 200_000; i++) {
      StringBuilder key = new StringBuilder();
      for (int bit = 0; bit < 18; bit++) {
        key.append((i >> bit & 1) == 0 ? "Aa" : "BB");
      }
      out.write(Bytes.of(TorchFile.text(key.toString()), "N"));
    }
    out.write(Bytes.of("u."));
  }

  /** A directory of as many entries as it can claim, each of no bytes. */
  private static void entries(OutputStream out) throws IOException {
    int count = 65_000;
    for (int i = 0; i < count; i++) {
      out.write(Bytes.of("PK\3\4", new byte[22], (short) 5, (short) 0, "" + (10_000 + i)));
    }
    for (int i = 0; i < count; i++) {
      out.write(Bytes.of("PK\1\2", new byte[24], (short) 5, new byte[12], 35 * i));
      out.write(Bytes.of("" + (10_000 + i)));
    }
    out.write(
        Bytes.of("PK\5\6", 0, (short) count, (short) count, 51 * count, 35 * count, (short) 0));
  }

  private static Case config(String what, int bytes, IntFunction<String> part) {
    return new Case(
        "config of " + what,
        "config.json",
        Config::read,
        out -> {
          out.write(Bytes.of("{\"k\":["));
          repeat(out, bytes, part);
        });
  }

  private static Case index(String what, int bytes, IntFunction<String> part) {
    return new Case(
        "index of " + what,
        "model.safetensors.index.json",
        file -> ShardIndex.read(file, ".safetensors"),
        out -> {
          out.write(Bytes.of("{\"weight_map\":{"));
          repeat(out, bytes, part);
        });
  }

  private static Case tokenizer(String what, IntFunction<String> part) {
    return new Case(
        "tokenizer of " + what,
        "tokenizer.json",
        TokenizerJson::read,
        out -> repeat(out, 200 * MIB, part));
  }

  /** A graph as long as it can be, of one part again and again. */
  private static Case onnx(String what, int bytes, byte[] part) {
    return new Case(
        "onnx graph of " + what,
        "model.onnx",
        Refused.in(OnnxGraph::read),
        out -> {
          int count = bytes / part.length;
          out.write((byte) (7 << 3 | 2));
          int length = count * part.length;
          for (; length > 0x7F; length >>>= 7) {
            out.write(length & 0x7F | 0x80);
          }
          out.write(length);
          for (int i = 0; i < count; i++) {
            out.write(part);
          }
        });
  }

  private static byte[] onnxNode(String output) {
    return GraphProto.newBuilder()
        .addNode(NodeProto.newBuilder().addOutput(output))
        .build()
        .toByteArray();
  }

  /** A graph of nearly the largest size whose layers are one thing again and again. */
  private static Case openvino(String what, IntFunction<String> part) {
    return new Case(
        "openvino graph of " + what,
        "m.xml",
        file -> {
          Refused.write(file.resolveSibling("m.bin"), "data");
          Refused.in(OpenvinoGraph::read).accept(file);
        },
        out -> {
          out.write(Bytes.of("<net version=\"11\"><layers>"));
          repeat(out, 63 * MIB, part);
        });
  }

  private static String layer(int id) {
    return "<layer id=\"%d\" name=\"%s\" type=\"a\"/>".formatted(id, "x".repeat(400) + id);
  }

  private static String edge(int id) {
    return "<edge from-layer=\"%d\" to-layer=\"%d\" to-port=\"9\"/>".formatted(id, id);
  }

  private static String shape(int id) {
    return "<layer id=\"%d\" type=\"Const\"><data element_type=\"f32\" shape=\"%s1\"/></layer>"
        .formatted(id, many("1,"));
  }

  private static String attributes(int first) {
    StringBuilder element = new StringBuilder("<a");
    for (int i = 0; i < 150; i++) {
      element.append(" a").append(first).append('_').append(i).append("=\"\"");
    }
    return element.append("/>").toString();
  }

  private static Case pieces(String what, int bytes, byte[] piece) {
    return new Case(
        "sentencepiece of " + what,
        "tokenizer.model",
        SentencePiece::read,
        out -> {
          for (int i = 0; i < bytes / piece.length; i++) {
            out.write(piece);
          }
        });
  }

  private static Case tflite(String what, Consumer<LitertFiles> content) {
    return new Case(
        "tflite of " + what,
        "model.tflite",
        Refused.in((file, arena) ->
            TfliteWeights.read(
                file,
                MappedFile.map(file, arena),
                new Config(file, Json.MAPPER.readTree(LitertFolderTest.PHI)))),
        out -> {
          LitertFiles file = new LitertFiles();
          content.accept(file);
          out.write(file.model("decode"));
        });
  }

  private static void sameTensors(LitertFiles file) {
    file.tensor("x", LitertFiles.FLOAT32, 0, 0, 1);
    file.again(250_000);
  }

  private static void sameOperators(LitertFiles file) {
    int x = file.tensor("x", LitertFiles.FLOAT32, 0, 0, 4);
    file.operator(206, x, x, file.tensor("n", LitertFiles.FLOAT32, 0, 0, 4));
    file.operatorAgain(250_000);
  }

  private static void longName(LitertFiles file) {
    file.tensor("x".repeat(20 * MIB), LitertFiles.FLOAT32, 0, 0, 1);
    file.again(250_000);
  }

  /** Each with a million scales and zero points. */
  private static void sameParameters(LitertFiles file) {
    int rows = MIB;
    int scales = file.rows(new float[rows], new long[rows], 0);
    int buffer = file.buffer(new byte[2 * rows]);
    for (int i = 0; i < 100_000; i++) {
      file.tensor(i + ".weight", LitertFiles.INT8, buffer, scales, rows, 2);
    }
    file.tensor("x.weight", LitertFiles.FLOAT32, 0, 0, 1);
  }

  private static Case imatrix(String what, Writer content) {
    return new Case("importance matrix of " + what, "imatrix", ImportanceMatrix::read, content);
  }

  /** Entries of an importance matrix with so many bytes of values each. */
  private static void entries(OutputStream out, int count, int bytes) throws IOException {
    out.write(Bytes.of(count));
    byte[] values = new byte[bytes];
    for (int i = 0; i < count; i++) {
      out.write(Bytes.of(4, "%04x".formatted(i), 1, bytes / Float.BYTES));
      out.write(values);
    }
  }

  private static String many(String part) {
    return part.repeat(1 << 12);
  }

  /** What {@code part} gives, until there are so many bytes of it or a little more. */
  private static void repeat(OutputStream out, long bytes, IntFunction<String> part)
      throws IOException {
    long left = bytes;
    for (int i = 0; left > 0; i++) {
      byte[] next = part.apply(i).getBytes(StandardCharsets.ISO_8859_1);
      out.write(next);
      left -= next.length;
    }
  }
}

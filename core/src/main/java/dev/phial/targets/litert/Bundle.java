package dev.phial.targets.litert;

import com.google.flatbuffers.FlatBufferBuilder;
import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import dev.phial.PhialException;
import dev.phial.io.LittleEndian;
import dev.phial.source.ChatTemplates;
import dev.phial.source.Config;
import dev.phial.source.Folder;
import dev.phial.source.TextFile;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.zip.Deflater;
import java.util.zip.DeflaterOutputStream;
import tools.jackson.databind.JsonNode;

/**
 * A {@code .litertlm}: magic, version, a flatbuffer that tells the sections, and these: what
 * LiteRT-LM must know of the model, the tokenizer, and last the model itself.
 */
final class Bundle {
  private static final byte[] MAGIC = "LITERTLM".getBytes(StandardCharsets.US_ASCII);
  private static final int[] VERSION = {1, 7, 0};
  private static final int HEADER_END = 24; // where the end of the flatbuffer is told
  private static final int HEADER = 32;
  private static final int ALIGNMENT = 16384; // of sections

  private static final byte STRING = 9; // of the union of values

  /**
   * Stands before the template: LiteRT-LM gives the content of a message as a list of parts, which
   * templates that add texts cannot take. Its engine for templates, minijinja, knows all of this.
   */
  private static final String TEXTS_OF_PARTS =
      """
      {%- set plain = namespace(messages=[]) -%}
      {%- for message in messages -%}
      {%- set content = message['content'] -%}
      {%- set text = content if content is string else content | map(attribute='text') | join -%}
      {%- set plain.messages = plain.messages + [{'role': message['role'], 'content': text}] -%}
      {%- endfor -%}
      {%- set messages = plain.messages -%}
      """
          .strip();

  /** A part of the file; the kinds are those of {@code AnySectionDataType}. */
  private record Section(int kind, String modelType, long bytes) {
    static final int MODEL = 3;
    static final int METADATA = 5;
    static final int TOKENIZER = 6;
  }

  private Bundle() {}

  /**
   * All before the model.
   *
   * @param modelBytes of the model, which comes next
   * @throws PhialException.BadInput if the checkpoint has no tokenizer.json
   */
  static byte[] before(long modelBytes, Folder folder, LitertOptions options) {
    byte[] metadata = metadata(folder, options);
    byte[] tokenizer = tokenizer(folder);
    List<Section> sections =
        List.of(
            new Section(Section.METADATA, "", metadata.length),
            new Section(Section.TOKENIZER, "", tokenizer.length),
            new Section(Section.MODEL, "tf_lite_prefill_decode", modelBytes));
    byte[] table = table(sections);
    int second = ALIGNMENT + aligned(metadata.length);
    byte[] all = new byte[second + aligned(tokenizer.length)];
    System.arraycopy(MAGIC, 0, all, 0, MAGIC.length);
    for (int i = 0; i < VERSION.length; i++) {
      LittleEndian.putInt(all, MAGIC.length + i * Integer.BYTES, VERSION[i]);
    }
    LittleEndian.putLong(all, HEADER_END, HEADER + table.length);
    System.arraycopy(table, 0, all, HEADER, table.length);
    System.arraycopy(metadata, 0, all, ALIGNMENT, metadata.length);
    System.arraycopy(tokenizer, 0, all, second, tokenizer.length);
    return all;
  }

  private static int aligned(long bytes) {
    return Math.toIntExact(Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT);
  }

  // --- the table of sections: LiteRTLMMetaData

  private static byte[] table(List<Section> sections) {
    FlatBufferBuilder builder = new FlatBufferBuilder();
    int author = entry(builder, "Authors", "Phial");
    int entries = builder.createVectorOfTables(new int[] {author});
    builder.startTable(1);
    builder.addOffset(0, entries, 0);
    int system = builder.endTable();
    List<Integer> objects = new ArrayList<>();
    long start = ALIGNMENT;
    for (Section section : sections) {
      objects.add(object(builder, section, start));
      start += Math.ceilDiv(section.bytes, ALIGNMENT) * ALIGNMENT;
    }
    int all = builder.createVectorOfTables(objects.stream().mapToInt(object -> object).toArray());
    builder.startTable(1);
    builder.addOffset(0, all, 0);
    int described = builder.endTable();
    builder.startTable(2);
    builder.addOffset(0, system, 0);
    builder.addOffset(1, described, 0);
    builder.finish(builder.endTable());
    return builder.sizedByteArray();
  }

  private static int object(FlatBufferBuilder builder, Section section, long start) {
    int[] items =
        section.modelType.isEmpty()
            ? new int[0]
            : new int[] {entry(builder, "model_type", section.modelType)};
    int vector = builder.createVectorOfTables(items);
    builder.startTable(4);
    builder.addOffset(0, vector, 0);
    builder.addLong(1, start, 0);
    builder.addLong(2, start + section.bytes, 0);
    builder.addByte(3, (byte) section.kind, 0);
    return builder.endTable();
  }

  private static int entry(FlatBufferBuilder builder, String key, String value) {
    int text = builder.createString(value);
    builder.startTable(1);
    builder.addOffset(0, text, 0);
    int table = builder.endTable();
    int name = builder.createString(key);
    builder.startTable(3);
    builder.addOffset(0, name, 0);
    builder.addByte(1, STRING, 0);
    builder.addOffset(2, table, 0);
    return builder.endTable();
  }

  // --- the tokenizer

  /** Its size, and itself as zlib has it, stored: what deflate makes depends on the machine. */
  private static byte[] tokenizer(Folder folder) {
    Path file =
        folder
            .file("tokenizer.json")
            .orElseThrow(() ->
                new PhialException.BadInput(
                    "%s: expected tokenizer.json, which LiteRT-LM reads, found none; save the tokenizer with transformers, or pass --no-bundle"
                        .formatted(folder.path())));
    byte[] text = TextFile.read(file).getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream out = new ByteArrayOutputStream(text.length + (text.length >> 8));
    byte[] size = new byte[Long.BYTES];
    LittleEndian.putLong(size, 0, text.length);
    out.writeBytes(size);
    Deflater stored = new Deflater(Deflater.NO_COMPRESSION);
    try (DeflaterOutputStream deflated = new DeflaterOutputStream(out, stored)) {
      deflated.write(text);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } finally {
      stored.end();
    }
    return out.toByteArray();
  }

  // --- what LiteRT-LM must know: the message LlmMetadata

  private static byte[] metadata(Folder folder, LitertOptions options) {
    Optional<Config> generation = folder.json("generation_config.json");
    Optional<Config> tokenizer = folder.json("tokenizer_config.json");
    return message(out -> {
      boolean begins = tokenizer.map(config -> config.flag("add_bos_token", false)).orElse(false);
      if (begins) {
        for (int id : ids(folder, generation, "bos_token_id").stream().limit(1).toList()) {
          out.writeBytes(1, token(id)); // start_token
        }
      }
      for (int id : ids(folder, generation, "eos_token_id")) {
        out.writeBytes(2, token(id)); // stop_tokens
      }
      out.writeInt32(5, options.context()); // max_num_tokens
      ByteString generic =
          ByteString.copyFrom(message(type -> type.writeBytes(1, ByteString.EMPTY)));
      out.writeBytes(6, generic); // llm_model_type
      Optional<String> template = ChatTemplates.of(folder).chosen();
      if (template.isPresent()) {
        out.writeString(7, TEXTS_OF_PARTS + template.get()); // jinja_prompt_template
      }
    });
  }

  /** Numbers under a key, of which there may be one or a list. */
  private static List<Integer> ids(Folder folder, Optional<Config> generation, String key) {
    JsonNode found =
        generation
            .map(config -> config.json().path(key))
            .filter(node -> !node.isMissingNode() && !node.isNull())
            .orElseGet(() -> folder.config().json().path(key));
    List<Integer> ids = new ArrayList<>();
    if (found.isInt()) {
      ids.add(found.intValue());
    }
    found.valueStream().filter(JsonNode::isInt).forEach(id -> ids.add(id.intValue()));
    return ids;
  }

  /** TokenUnion of token_ids of packed ids. */
  private static ByteString token(int id) {
    byte[] packed = message(out -> out.writeUInt32NoTag(id));
    byte[] list = message(out -> out.writeBytes(1, ByteString.copyFrom(packed)));
    return ByteString.copyFrom(message(out -> out.writeBytes(1, ByteString.copyFrom(list))));
  }

  private interface Fields {
    void write(CodedOutputStream out) throws IOException;
  }

  private static byte[] message(Fields fields) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    try {
      fields.write(out);
      out.flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e); // into memory
    }
    return bytes.toByteArray();
  }
}

package dev.phial.source;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import dev.phial.io.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The pieces of a SentencePiece {@code tokenizer.model}, read from the wire format of {@code
 * sentencepiece_model.proto}.
 */
public record SentencePiece(List<Piece> pieces) {
  private static final int PIECES_FIELD = 1; // ModelProto.pieces
  private static final int PIECE_FIELD = 1; // SentencePiece.piece
  private static final int SCORE_FIELD = 2;
  private static final int TYPE_FIELD = 3;
  private static final int MOST_PIECES = 1 << 20;
  private static final int LONGEST_PIECE = 1 << 16; // bytes
  private static final int LARGEST_FILE = 32 << 20; // eight times the largest tokenizer.model

  public SentencePiece {
    pieces = List.copyOf(pieces);
  }

  /** A vocabulary entry; its id is its place. */
  public record Piece(String text, float score, Type type) {}

  /** In the order of their numbers, which start at 1. */
  public enum Type {
    NORMAL,
    UNKNOWN,
    CONTROL,
    USER_DEFINED,
    UNUSED,
    BYTE
  }

  /**
   * @throws dev.phial.PhialException.BadInput if the file is no SentencePiece model
   */
  public static SentencePiece read(Path file) {
    List<Piece> pieces = new ArrayList<>();
    try (InputStream in = Json.open(file)) {
      CodedInputStream proto = CodedInputStream.newInstance(in);
      proto.setSizeLimit(LARGEST_FILE);
      for (int tag = proto.readTag(); tag != 0; tag = proto.readTag()) {
        if (WireFormat.getTagFieldNumber(tag) != PIECES_FIELD) {
          proto.skipField(tag);
          continue;
        }
        int length = proto.readRawVarint32();
        if (length > LONGEST_PIECE) {
          throw Refusal.bad(
              file, "expected pieces of at most %d bytes, found %d", LONGEST_PIECE, length);
        }
        int limit = proto.pushLimit(length);
        pieces.add(piece(proto));
        proto.checkLastTagWas(0);
        proto.popLimit(limit);
        if (pieces.size() > MOST_PIECES) {
          throw Refusal.bad(file, "expected at most %d pieces, found more", MOST_PIECES);
        }
      }
    } catch (IOException e) {
      throw Refusal.bad(
          file,
          "expected a SentencePiece model, found an error: %s",
          String.valueOf(e.getMessage()));
    }
    if (pieces.isEmpty()) {
      throw Refusal.bad(file, "expected a SentencePiece model, found no pieces");
    }
    return new SentencePiece(pieces);
  }

  /**
   * The model that a byte-pair vocabulary was made from, if it was: it has a piece for every byte,
   * and those after it are in the order of their scores, from 0 down.
   */
  public static Optional<SentencePiece> of(Map<String, Integer> vocabulary) {
    String[] texts = new String[vocabulary.size()];
    vocabulary.forEach((text, id) -> {
      if (id >= 0 && id < texts.length) {
        texts[id] = text;
      }
    });
    int first = vocabulary.getOrDefault("<0x00>", 0);
    int normal = first + 256;
    if (first < 1 || vocabulary.getOrDefault("<0xFF>", -1) != normal - 1) {
      return Optional.empty();
    }
    List<Piece> pieces = new ArrayList<>();
    for (int id = 0; id < texts.length; id++) {
      String text = texts[id];
      if (text == null) {
        return Optional.empty();
      }
      Type type = id == 0 ? Type.UNKNOWN : id < first ? Type.CONTROL : Type.BYTE;
      pieces.add(
          id < normal
              ? new Piece(text, 0, type)
              : new Piece(text, -(float) (id - normal), Type.NORMAL));
    }
    return Optional.of(new SentencePiece(pieces));
  }

  private static Piece piece(CodedInputStream proto) throws IOException {
    String text = "";
    float score = 0;
    int type = 1;
    for (int tag = proto.readTag(); tag != 0; tag = proto.readTag()) {
      switch (WireFormat.getTagFieldNumber(tag)) {
        case PIECE_FIELD -> text = proto.readStringRequireUtf8();
        case SCORE_FIELD -> score = proto.readFloat();
        case TYPE_FIELD -> type = proto.readEnum();
        default -> proto.skipField(tag);
      }
    }
    return new Piece(text, score, Type.values()[Math.clamp(type, 1, Type.values().length) - 1]);
  }
}

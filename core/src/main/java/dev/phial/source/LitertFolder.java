package dev.phial.source;

import dev.phial.quant.activation.InputCodes;
import dev.phial.quant.activation.RoundedActivations;
import dev.phial.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * A folder for LiteRT, as Phial writes it: the configuration and the tokenizer of a checkpoint, and
 * its weights in a model, alone or in the bundle that LiteRT-LM opens.
 */
final class LitertFolder implements Source {
  private static final String BUNDLE = "model.litertlm";
  private static final String MODEL = "model.tflite";

  private static final long MAGIC = 0x4D4C54524554494CL; // LITERTLM
  private static final int HEADER = 32;
  private static final int MODEL_SECTION = 3;
  private static final int MOST_SECTIONS = 64;

  @Override
  public boolean isAt(Path path) {
    return (Files.isRegularFile(path.resolve(BUNDLE)) || Files.isRegularFile(path.resolve(MODEL)))
        && !HubFiles.areIn(path);
  }

  @Override
  public Checkpoint read(Path path, Arena arena) {
    Folder folder = Folder.read(path);
    Path bundle = path.resolve(BUNDLE);
    boolean isBundle = Files.isRegularFile(bundle);
    Path file = isBundle ? bundle : path.resolve(MODEL);
    MemorySegment all = MappedFile.map(file, arena);
    Map<String, Tensor> tensors = TfliteWeights.read(file, isBundle ? model(file, all) : all);
    boolean tied = !tensors.containsKey("lm_head.weight"); // there may be two of one matrix
    return Checkpoint.of(
        "litert",
        folder.config().flag("tie_word_embeddings", false) == tied ? folder : folder.tied(tied),
        new Weights(arena, List.of(file), tensors, Naming.TRANSFORMERS, rounded(tensors)));
  }

  /** XNNPACK multiplies integers with integers. */
  private static RoundedActivations rounded(Map<String, Tensor> tensors) {
    return tensors.values().stream().anyMatch(Tensor::isQuantized)
        ? RoundedActivations.of(InputCodes.QD8)
        : RoundedActivations.NONE;
  }

  /** The section of a bundle that is the model. */
  private static MemorySegment model(Path file, MemorySegment all) {
    SegmentReader in = new SegmentReader(file, all);
    if (in.int64("the magic number") != MAGIC) {
      throw Refusal.bad(file, "expected a bundle for LiteRT-LM (LITERTLM), found other bytes");
    }
    in.bytes("the version", 16);
    long end = in.int64("the end of the header");
    if (end < HEADER || end > all.byteSize()) {
      throw Refusal.bad(
          file,
          "expected a header within the %d bytes of the file, found its end at %d",
          all.byteSize(),
          end);
    }
    FlatTable root = FlatTable.root(file, all.asSlice(HEADER, end - HEADER));
    FlatTable sections =
        root.table(1).orElseThrow(() -> Refusal.bad(file, "expected sections, found none"));
    int count = Math.min(sections.size(0), MOST_SECTIONS);
    for (int i = 0; i < count; i++) {
      FlatTable section = sections.table(0, i);
      if (section.int8(3) == MODEL_SECTION) {
        return section(file, all, section.int64(1), section.int64(2));
      }
    }
    throw Refusal.unsupported(file, "expected a section with a model, found none");
  }

  private static MemorySegment section(Path file, MemorySegment all, long start, long end) {
    if (start < 0 || end < start || end > all.byteSize()) {
      throw Refusal.bad(
          file,
          "expected a model within the %d bytes of the file, found it at %d to %d; it is cut off",
          all.byteSize(),
          start,
          end);
    }
    return all.asSlice(start, end - start);
  }
}

package dev.phial.source;

import dev.phial.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * A folder for LiteRT: the configuration and the tokenizer of a checkpoint, and its weights in a
 * model, Phial's or litert-torch's, alone or in the bundle that LiteRT-LM opens.
 */
final class LitertFolder implements Source {
  private static final String BUNDLE = ".litertlm";
  private static final String MODEL = ".tflite";

  private static final long MAGIC = 0x4D4C54524554494CL; // LITERTLM
  private static final int HEADER = 32;
  private static final int MODEL_SECTION = 3;
  private static final int MOST_SECTIONS = 64;

  @Override
  public boolean isAt(Path path) {
    return model(path).isPresent() && !HubFiles.areIn(path);
  }

  /** The bundle, or else the model: what Phial calls so, or the only file that ends so. */
  private static Optional<Path> model(Path folder) {
    return only(folder, BUNDLE).or(() -> only(folder, MODEL));
  }

  private static Optional<Path> only(Path folder, String ending) {
    Path usual = folder.resolve("model" + ending);
    if (Files.isRegularFile(usual)) {
      return Optional.of(usual);
    }
    try (Stream<Path> files = Files.list(folder)) {
      List<Path> found =
          files
              .filter(file -> file.toString().endsWith(ending) && Files.isRegularFile(file))
              .limit(2)
              .toList();
      return found.size() == 1 ? Optional.of(found.getFirst()) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty(); // no folder, or none that can be read
    }
  }

  @Override
  public Checkpoint read(Path path, Arena arena) {
    Folder folder = Folder.read(path);
    Path file = Links.checked(path, model(path).orElseThrow());
    MemorySegment all = MappedFile.map(file, arena);
    boolean isBundle = file.toString().endsWith(BUNDLE);
    TfliteWeights.Contents contents =
        TfliteWeights.read(file, isBundle ? model(file, all) : all, folder.config());
    Map<String, Tensor> tensors =
        SplitProjections.areInPhi3(folder.config(), contents.tensors())
            ? SplitProjections.fused(contents.tensors())
            : contents.tensors();
    boolean tied = !tensors.containsKey("lm_head.weight"); // there may be two of one matrix
    return Checkpoint.of(
        "litert",
        folder.config().flag("tie_word_embeddings", false) == tied ? folder : folder.tied(tied),
        new Weights(arena, List.of(file), tensors, Naming.TRANSFORMERS, contents.activations()));
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

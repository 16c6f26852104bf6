package dev.phial.targets.mlx;

import dev.phial.PhialException;
import dev.phial.io.AtomicFolder;
import dev.phial.io.OutputFile;
import dev.phial.kernel.Kernels;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.Recoding;
import dev.phial.targets.Carry;
import dev.phial.targets.Manifest;
import dev.phial.targets.Sink;
import dev.phial.targets.mlx.MlxLayout.Place;
import dev.phial.tensor.CodedRows;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Optional;

/** Writes the folder, each piece where the layout says. */
final class MlxSink implements Sink {
  private final Manifest manifest;
  private final boolean exact; // numbers must not be rounded
  private final AtomicFolder folder;
  private final List<Weight> weights;
  private final IdentityHashMap<Weight, Slot> slots = new IdentityHashMap<>();

  /** Where a parameter goes: the parts of its blocks, each to an array of its own. */
  private record Slot(MlxTensor tensor, PlannedTensor planned, List<Plane> planes) {}

  /**
   * @param offset of the array in the file
   * @param start of its part in a block, in bytes
   * @param bytes of that part
   */
  private record Plane(OutputFile file, long offset, int start, int bytes) {}

  MlxSink(MlxJob job, Path output, boolean replace) {
    MlxLayout layout = job.layout();
    this.manifest = job.manifest();
    this.exact = job.manifest().request().carries();
    this.weights = layout.tensors().stream().map(MlxTensor::weight).toList();
    this.folder = AtomicFolder.create(output, replace);
    try {
      job.texts().forEach(folder::write);
      job.companions().forEach(folder::copy);
      List<OutputFile> files = new ArrayList<>();
      List<Long> dataStarts = new ArrayList<>();
      for (SafetensorsFile shard : layout.shards()) {
        byte[] header = shard.header();
        OutputFile file = folder.file(shard.name());
        file.write(ByteBuffer.wrap(header), 0);
        files.add(file);
        dataStarts.add((long) header.length);
      }
      for (int i = 0; i < weights.size(); i++) {
        MlxTensor tensor = layout.tensors().get(i);
        List<Plane> planes = new ArrayList<>();
        int start = 0;
        for (int k = 0; k < layout.places().get(i).size(); k++) {
          Place place = layout.places().get(i).get(k);
          int plane = k;
          int bytes =
              tensor
                  .quantized()
                  .map(format -> format.planes().get(plane).bytes())
                  .orElse(tensor.number().type().blockBytes());
          planes.add(
              new Plane(
                  files.get(place.shard()),
                  dataStarts.get(place.shard()) + place.offset(),
                  start,
                  bytes));
          start += bytes;
        }
        slots.put(tensor.weight(), new Slot(tensor, tensor.planned(), planes));
      }
    } catch (Throwable e) {
      close();
      throw e;
    }
  }

  @Override
  public List<Weight> weights() {
    return weights;
  }

  /** Also where bytes are copied: a NaN must not pass. */
  @Override
  public boolean needsValues(Weight weight) {
    return slot(weight).tensor.recoding().isEmpty();
  }

  private Slot slot(Weight weight) {
    Slot slot = slots.get(weight);
    if (slot == null) {
      throw new IllegalArgumentException("not asked for " + weight.mlxName());
    }
    return slot;
  }

  @Override
  public void accept(Weight weight, long first, int count, float[] values) {
    Slot slot = slot(weight);
    PlannedTensor planned = slot.planned;
    int columns = Math.toIntExact(weight.shape().columns());
    byte[] blocks = new byte[Math.toIntExact(count * planned.format().bytes(columns))];
    Optional<Recoding> recoding = slot.tensor.recoding();
    if (recoding.isPresent()) {
      CodedRows codes = Carry.read(weight, first, count, recoding.get(), weight.mlxName());
      slot.tensor.quantized().orElseThrow().encode(codes, blocks, 0);
    } else if (planned.isCopied()) {
      weight.copy(first, count, blocks);
    } else {
      checkRange(slot.tensor, values, count * columns);
      if (exact) {
        Carry.checkExact(weight.mlxName(), slot.tensor.number(), values, 0, count * columns);
      }
      planned.format().encode(values, count, columns, null, blocks, 0);
    }
    long firstBlock = first * (columns / planned.format().blockSize());
    int blockBytes = planned.format().blockBytes();
    for (Plane plane : slot.planes) {
      plane.file.write(
          ByteBuffer.wrap(part(blocks, blockBytes, plane)),
          plane.offset + firstBlock * plane.bytes);
    }
  }

  /** The parts of the blocks that belong to one array, one after the other. */
  private static byte[] part(byte[] blocks, int blockBytes, Plane plane) {
    if (plane.bytes == blockBytes) {
      return blocks;
    }
    int count = blocks.length / blockBytes;
    byte[] part = new byte[count * plane.bytes];
    for (int i = 0; i < count; i++) {
      System.arraycopy(blocks, i * blockBytes + plane.start, part, i * plane.bytes, plane.bytes);
    }
    return part;
  }

  private static void checkRange(MlxTensor tensor, float[] values, int count) {
    float largest = Math.abs(Kernels.best().extreme(values, 0, count));
    if (!Float.isFinite(tensor.number().round(largest))) {
      throw new PhialException.Unsupported(
          "tensor %s: expected numbers that fit %s, found %s; pass --dtype bfloat16 or float32"
              .formatted(tensor.weight().mlxName(), tensor.number().word(), largest));
    }
  }

  @Override
  public void commit() {
    manifest.addTo(folder);
    folder.commit();
  }

  @Override
  public void close() {
    folder.close();
  }
}

package dev.phial.targets.onnx;

import dev.phial.PhialException;
import dev.phial.model.ModelDescription;
import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.activation.RoundedActivations;
import dev.phial.targets.CalibrationOptions;
import dev.phial.targets.Manifest;
import dev.phial.targets.Request;
import dev.phial.targets.layout.Content;
import dev.phial.targets.layout.FileNames;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.Out;
import dev.phial.targets.layout.Slot;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Map;
import onnx.Onnx.ModelProto;

/**
 * The files of a folder.
 *
 * @param model whose parameters the tensors are made of
 * @param graphs by their names
 * @param data of these graphs
 * @param smallFiles what stands beside graphs and data
 * @param activations what is rounded between the layers
 */
record OnnxFiles(
    ModelDescription model,
    Map<String, ModelProto> graphs,
    List<OnnxData> data,
    Map<String, byte[]> smallFiles,
    Map<ActivationPlace, ActivationCodes> activations) {
  private static final String REMEDY = "choose a provider and precision with another type";

  /**
   * @param lacksRanges whether nothing can be written, since nobody knows what will flow
   */
  Layout layout(Request request, Manifest manifest, boolean lacksRanges) {
    Layout.Builder layout =
        new Layout.Builder(model, FileNames.FOLDER, request.choosing(REMEDY))
            .files(smallFiles)
            .activations(RoundedActivations.at(activations))
            .manifest(manifest);
    graphs.forEach((name, graph) -> {
      Slot slot = Slot.of(name, graph.getSerializedSize());
      layout.place(slot, name, 0).content(slot, content(graph));
    });
    data.forEach(file -> file.addTo(layout));
    if (lacksRanges) {
      layout.obstacle(CalibrationOptions.LACKING);
    }
    return layout.build(manifest.target().name(), manifest.precision(), "");
  }

  private static Content content(ModelProto graph) {
    return (slot, out) -> {
      try (OutputStream stream = new SlotStream(slot, out)) {
        graph.writeTo(stream);
      } catch (IOException e) {
        throw new PhialException.OutputFailed("the graph could not be written", e);
      }
    };
  }

  /** Writes a slot from its beginning. */
  private static final class SlotStream extends OutputStream {
    private final Slot slot;
    private final Out out;
    private long position;

    SlotStream(Slot slot, Out out) {
      this.slot = slot;
      this.out = out;
    }

    @Override
    public void write(int b) {
      write(new byte[] {(byte) b}, 0, 1);
    }

    @Override
    public void write(byte[] bytes, int from, int count) {
      out.write(slot, ByteBuffer.wrap(bytes, from, count), position);
      position += count;
    }
  }
}

package dev.phial.targets.openvino;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** Writes a graph as OpenVINO's XML, version 11. */
final class IrXml {
  private final StringBuilder out = new StringBuilder();

  private IrXml() {}

  /**
   * @param information about the model, nested maps of texts
   */
  static byte[] write(Ir graph, Map<String, ?> information) {
    IrXml xml = new IrXml();
    xml.graph(graph, information);
    return xml.out.toString().getBytes(StandardCharsets.UTF_8);
  }

  private void graph(Ir graph, Map<String, ?> information) {
    out.append("<?xml version=\"1.0\"?>\n<net name=\"Model\" version=\"11\">\n\t<layers>\n");
    graph.layers().forEach(this::layer);
    out.append("\t</layers>\n\t<edges>\n");
    for (Layer layer : graph.layers()) {
      for (int i = 0; i < layer.inputs().size(); i++) {
        Value from = layer.inputs().get(i);
        out.append("\t\t<edge from-layer=\"").append(from.layer());
        out.append("\" from-port=\"").append(from.port());
        out.append("\" to-layer=\"").append(layer.id());
        out.append("\" to-port=\"").append(i).append("\" />\n");
      }
    }
    out.append("\t</edges>\n\t<rt_info>\n");
    information.forEach((name, value) -> information(name, value, 2));
    out.append("\t</rt_info>\n</net>\n");
  }

  private void layer(Layer layer) {
    out.append("\t\t<layer id=\"").append(layer.id()).append('"');
    attribute("name", layer.name());
    attribute("type", layer.type());
    attribute("version", layer.opset());
    out.append(">\n");
    if (!layer.attributes().isEmpty()) {
      out.append("\t\t\t<data");
      layer.attributes().forEach(this::attribute);
      out.append(" />\n");
    }
    if (!layer.notes().isEmpty()) {
      out.append("\t\t\t<rt_info>\n");
      for (String note : layer.notes()) {
        out.append("\t\t\t\t<attribute");
        attribute("name", note);
        out.append(" version=\"0\" />\n");
      }
      out.append("\t\t\t</rt_info>\n");
    }
    if (!layer.inputs().isEmpty()) {
      out.append("\t\t\t<input>\n");
      for (int i = 0; i < layer.inputs().size(); i++) {
        Value value = layer.inputs().get(i);
        port(i, value.type(), value.shape(), List.of());
      }
      out.append("\t\t\t</input>\n");
    }
    if (!layer.outputs().isEmpty()) {
      out.append("\t\t\t<output>\n");
      for (int i = 0; i < layer.outputs().size(); i++) {
        Layer.Output output = layer.outputs().get(i);
        port(layer.inputs().size() + i, output.type(), output.shape(), output.names());
      }
      out.append("\t\t\t</output>\n");
    }
    out.append("\t\t</layer>\n");
  }

  private void port(int id, ElementType type, List<Long> shape, List<String> names) {
    out.append("\t\t\t\t<port id=\"").append(id).append('"');
    attribute("precision", type.port());
    if (!names.isEmpty()) {
      // a comma separates names, a backslash keeps one
      attribute("names", String.join(",", names.stream().map(n -> n.replace(",", "\\,")).toList()));
    }
    if (shape.isEmpty()) {
      out.append(" />\n");
      return;
    }
    out.append(">\n");
    for (long size : shape) {
      out.append("\t\t\t\t\t<dim>").append(size).append("</dim>\n");
    }
    out.append("\t\t\t\t</port>\n");
  }

  private void information(String name, Object value, int depth) {
    out.repeat('\t', depth).append('<').append(name);
    if (value instanceof Map<?, ?> nested) {
      out.append(">\n");
      nested.forEach((key, inner) -> information(key.toString(), inner, depth + 1));
      out.repeat('\t', depth).append("</").append(name).append(">\n");
    } else {
      attribute("value", value.toString());
      out.append(" />\n");
    }
  }

  /** Whatever the text is, it stays within its quotes and comes back as it was. */
  private void attribute(String name, String text) {
    out.append(' ').append(name).append("=\"");
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '&' -> out.append("&amp;");
        case '<' -> out.append("&lt;");
        case '>' -> out.append("&gt;");
        case '"' -> out.append("&quot;");
        default -> {
          if (c < ' ') {
            out.append("&#").append((int) c).append(';');
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}

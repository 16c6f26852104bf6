package dev.phial.conformance;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.parsers.ParserConfigurationException;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;
import org.xml.sax.SAXException;

/** A graph in OpenVINO's intermediate representation, read as make-openvino-golden.py reads it. */
final class OpenvinoGraph {
  private final byte[] data;
  private final Map<String, Element> layers = new LinkedHashMap<>();
  private final Map<String, TreeMap<Integer, String[]>> inputs = new HashMap<>();
  private final Map<String, String> known = new HashMap<>();

  OpenvinoGraph(Path folder, String name) {
    Document document;
    try {
      document =
          DocumentBuilderFactory.newDefaultInstance()
              .newDocumentBuilder()
              .parse(folder.resolve(name + ".xml").toFile());
      data = Files.readAllBytes(folder.resolve(name + ".bin"));
    } catch (IOException | ParserConfigurationException | SAXException e) {
      throw new AssertionError(e);
    }
    for (Element layer : elements(document.getElementsByTagName("layer"))) {
      layers.put(layer.getAttribute("id"), layer);
      inputs.put(layer.getAttribute("id"), new TreeMap<>());
    }
    for (Element edge : elements(document.getElementsByTagName("edge"))) {
      inputs
          .getOrDefault(edge.getAttribute("to-layer"), new TreeMap<>())
          .put(
              Integer.valueOf(edge.getAttribute("to-port")),
              new String[] {edge.getAttribute("from-layer"), edge.getAttribute("from-port")});
    }
  }

  /** {@code NAME TYPE SHAPE SHA-256} of each constant that has a name of its own, sorted. */
  List<String> constants() {
    List<String> lines = new ArrayList<>();
    for (Element layer : layers.values()) {
      String name = layer.getAttribute("name");
      if (layer.getAttribute("type").equals("Const") && name.startsWith("self.")) {
        Map<String, String> attributes = attributes(layer);
        String digest = constant(attributes);
        lines.add(
            "%s %s %s %s"
                .formatted(
                    name,
                    attributes.get("element_type"),
                    attributes.getOrDefault("shape", "").replace(", ", "x"),
                    digest));
      }
    }
    return lines.stream().sorted().toList();
  }

  /** Of all that the results and states are computed from, whatever its numbers and names. */
  String digest() {
    List<String> ends =
        layers.values().stream()
            .filter(layer -> List.of("Result", "Assign").contains(layer.getAttribute("type")))
            .map(layer -> digest(layer.getAttribute("id")))
            .sorted()
            .toList();
    return sha256(String.join("\n", ends));
  }

  private String digest(String id) {
    String old = known.get(id);
    if (old != null) {
      return old;
    }
    Element layer = layers.get(id);
    if (layer == null) {
      throw new AssertionError("an edge from layer %s, which there is not".formatted(id));
    }
    Map<String, String> attributes = attributes(layer);
    List<String> words = new ArrayList<>();
    words.add(layer.getAttribute("type"));
    words.add(layer.getAttribute("version"));
    if (layer.getAttribute("type").equals("Const")) {
      words.add(constant(attributes));
    } else if (layer.getAttribute("type").equals("Parameter")
        && !List.of("string_input", "token_ids").contains(layer.getAttribute("name"))) {
      words.add(layer.getAttribute("name"));
    }
    attributes.forEach((key, value) -> words.add(key + "=" + value));
    child(layer, "rt_info").stream()
        .flatMap(notes -> elements(notes.getChildNodes()).stream())
        .map(note -> note.getAttribute("name"))
        .filter(note -> note.equals("decompression"))
        .forEach(words::add);
    for (String[] source : inputs.getOrDefault(id, new TreeMap<>()).values()) {
      int ports = inputs.getOrDefault(source[0], new TreeMap<>()).size();
      words.add("%s.%d".formatted(digest(source[0]), Integer.parseInt(source[1]) - ports));
    }
    String digest = sha256(String.join("\n", words));
    known.put(id, digest);
    return digest;
  }

  /** Takes away what depends on the place in the file. */
  private String constant(Map<String, String> attributes) {
    int offset = Integer.parseInt(String.valueOf(attributes.remove("offset")));
    int size = Integer.parseInt(String.valueOf(attributes.remove("size")));
    return Phial.sha256(Arrays.copyOfRange(data, offset, offset + size));
  }

  private static Map<String, String> attributes(Element layer) {
    TreeMap<String, String> result = new TreeMap<>();
    for (Element found : child(layer, "data")) {
      for (int i = 0; i < found.getAttributes().getLength(); i++) {
        Node attribute = found.getAttributes().item(i);
        result.put(attribute.getNodeName(), attribute.getNodeValue());
      }
    }
    return result;
  }

  private static List<Element> child(Element parent, String name) {
    return elements(parent.getChildNodes()).stream()
        .filter(element -> element.getTagName().equals(name))
        .toList();
  }

  private static List<Element> elements(NodeList nodes) {
    List<Element> all = new ArrayList<>();
    for (int i = 0; i < nodes.getLength(); i++) {
      if (nodes.item(i) instanceof Element element) {
        all.add(element);
      }
    }
    return all;
  }

  private static String sha256(String text) {
    return Phial.sha256(text.getBytes(StandardCharsets.UTF_8));
  }
}

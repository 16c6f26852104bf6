package dev.phial.source;

import dev.phial.PhialException;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.Reader;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import javax.xml.stream.XMLInputFactory;
import javax.xml.stream.XMLStreamConstants;
import javax.xml.stream.XMLStreamException;
import javax.xml.stream.XMLStreamReader;

/**
 * Reads XML from mapped memory, element by element, as programs write it: UTF-8 without document
 * types, entities, comments or other markup than elements. What a file may hold is bounded in every
 * way in which it could take memory.
 */
final class XmlReader {
  private static final long LARGEST_FILE = 64L << 20;
  private static final int MOST_ELEMENTS = 1 << 21;
  private static final int MOST_NAMES = 1 << 12; // of elements and attributes that differ
  private static final int DEEPEST = 32;
  private static final int LONGEST_STRETCH = 1 << 16; // characters without the start of an element

  private final Path file;
  private final XMLStreamReader in;
  private final Set<String> names = new HashSet<>();
  private int elements;
  private int depth;

  /**
   * @throws PhialException.BadInput if the file is too large
   */
  XmlReader(Path file, MemorySegment all) {
    this.file = file;
    if (all.byteSize() > LARGEST_FILE) {
      throw Refusal.bad(
          file, "expected at most %d bytes of XML, found %d", LARGEST_FILE, all.byteSize());
    }
    XMLInputFactory factory = XMLInputFactory.newDefaultFactory();
    factory.setProperty(XMLInputFactory.SUPPORT_DTD, false);
    factory.setProperty(XMLInputFactory.IS_SUPPORTING_EXTERNAL_ENTITIES, false);
    factory.setProperty(XMLInputFactory.IS_NAMESPACE_AWARE, false);
    Reader text =
        new InputStreamReader(new SegmentInputStream(all), StandardCharsets.UTF_8.newDecoder());
    try {
      in = factory.createXMLStreamReader(new Guard(text));
    } catch (XMLStreamException e) {
      throw malformed(e);
    }
  }

  /**
   * Moves to the start of the next element inside the one that the reader is in.
   *
   * @return false at its end, which is then behind the reader
   */
  boolean next() {
    try {
      while (in.hasNext()) {
        switch (in.next()) {
          case XMLStreamConstants.START_ELEMENT -> {
            check();
            return true;
          }
          case XMLStreamConstants.END_ELEMENT -> {
            depth--;
            return false;
          }
          default -> {} // text between elements says nothing
        }
      }
      return false;
    } catch (XMLStreamException e) {
      throw malformed(e);
    }
  }

  private void check() {
    if (++elements > MOST_ELEMENTS) {
      throw bad("expected at most %d elements, found more", MOST_ELEMENTS);
    }
    if (++depth > DEEPEST) {
      throw bad("expected elements at most %d deep, found them deeper", DEEPEST);
    }
    names.add(in.getLocalName());
    for (int i = 0; i < in.getAttributeCount(); i++) {
      names.add(in.getAttributeLocalName(i));
    }
    if (names.size() > MOST_NAMES) {
      throw bad("expected at most %d names of elements and attributes, found more", MOST_NAMES);
    }
  }

  /** Passes over what is left of the element, all that it holds. */
  void skip() {
    int outside = depth - 1;
    while (depth > outside) {
      next();
    }
  }

  /** The name of the element. */
  String name() {
    return in.getLocalName();
  }

  /** An attribute of the element, empty if it has no such. */
  String attribute(String name) {
    String value = in.getAttributeValue(null, name);
    return value == null ? "" : value;
  }

  /** A whole number in an attribute. */
  int number(String name) {
    String text = attribute(name);
    if (!text.matches("\\d{1,9}")) {
      throw bad("element %s: expected a number as its %s, found %s", name(), name, text);
    }
    return Integer.parseInt(text);
  }

  PhialException bad(String message, Object... details) {
    return Refusal.bad(file, message, details);
  }

  private PhialException malformed(XMLStreamException e) {
    return bad(
        "expected well-formed XML in UTF-8, found an error in line %d, column %d; is the file cut off or damaged?",
        e.getLocation() == null ? 1 : e.getLocation().getLineNumber(),
        e.getLocation() == null ? 1 : e.getLocation().getColumnNumber());
  }

  /**
   * Lets characters through as long as there are elements among them: a parser would hold what it
   * has begun as a whole.
   */
  private final class Guard extends Reader {
    private final Reader text;
    private int stretch;
    private boolean isOpen; // the last character began markup

    Guard(Reader text) {
      this.text = text;
    }

    @Override
    public int read(char[] to, int offset, int length) throws IOException {
      int count = text.read(to, offset, length);
      for (int i = offset; i < offset + count; i++) {
        char c = to[i];
        if (isOpen && c == '!') {
          throw bad("expected elements alone, found a document type, a comment or the like");
        }
        isOpen = c == '<';
        stretch = isOpen ? 0 : stretch + 1;
        if (stretch > LONGEST_STRETCH) {
          throw bad("expected elements of at most %d characters, found a longer one", stretch - 1);
        }
      }
      return count;
    }

    @Override
    public void close() throws IOException {
      text.close();
    }
  }
}

package dev.phial.server;

import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/** How an API says what was generated: event by event, or all at once when all is there. */
interface Answer {
  /** Events at the beginning of a stream. */
  List<ObjectNode> begin();

  /**
   * Takes what happened.
   *
   * @return what a stream tells of it
   */
  List<ObjectNode> take(Event event);

  /** The last event of a stream that tells of tokens. */
  ObjectNode usage(Usage usage);

  /** The answer that is no stream. */
  ObjectNode whole(Usage usage);
}

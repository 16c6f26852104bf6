package dev.phial.cli;

import java.io.IOException;
import java.util.Optional;
import org.jline.reader.EOFError;
import org.jline.reader.EndOfFileException;
import org.jline.reader.LineReader;
import org.jline.reader.LineReaderBuilder;
import org.jline.reader.Parser;
import org.jline.reader.UserInterruptException;
import org.jline.reader.impl.DefaultParser;
import org.jline.terminal.Terminal;
import org.jline.terminal.TerminalBuilder;
import org.jspecify.annotations.Nullable;

/** Lines that somebody edits at a terminal, who can go back to those before. */
final class LineEditor implements Questions {
  private static final String GOES_ON = "\\";

  /** Words are of no interest; a line is taken as it is. */
  private static final DefaultParser WORDS =
      new DefaultParser().quoteChars(new char[0]).escapeChars(new char[0]);

  private final Terminal terminal;
  private final LineReader reader;
  private final int longest;

  private LineEditor(Terminal terminal, int longest) {
    this.terminal = terminal;
    this.longest = longest;
    Parser parser =
        (line, cursor, context) -> {
          if (context == Parser.ParseContext.ACCEPT_LINE && line.endsWith(GOES_ON)) {
            throw new EOFError(-1, cursor, "it goes on");
          }
          return WORDS.parse(line, cursor, context);
        };
    this.reader =
        LineReaderBuilder.builder()
            .terminal(terminal)
            .parser(parser)
            .option(LineReader.Option.DISABLE_EVENT_EXPANSION, true) // "!" is a character
            .variable(LineReader.SECONDARY_PROMPT_PATTERN, "  ")
            .build();
  }

  /**
   * @param longest characters that a line may have, with those it goes on in
   * @return nothing where the terminal cannot move its cursor
   */
  static Optional<LineEditor> open(int longest) {
    String kind = System.getenv("TERM");
    if (kind == null || kind.equals(Terminal.TYPE_DUMB)) {
      return Optional.empty();
    }
    try {
      Terminal terminal =
          TerminalBuilder.builder()
              .systemOutput(TerminalBuilder.SystemOutput.ForcedSysErr)
              .dumb(false)
              .build();
      return Optional.of(new LineEditor(terminal, longest));
    } catch (IOException | IllegalStateException e) {
      return Optional.empty();
    }
  }

  @Override
  public @Nullable String next() {
    boolean isInterrupted = false;
    while (true) {
      try {
        String line = reader.readLine(PROMPT).replace(GOES_ON + "\n", "\n");
        if (line.length() > longest) {
          throw Questions.tooLong(longest);
        }
        return line;
      } catch (EndOfFileException e) {
        return null;
      } catch (UserInterruptException e) {
        if (isInterrupted && e.getPartialLine().isEmpty()) {
          return null;
        }
        isInterrupted = true;
        System.err.println(HOW_TO_LEAVE);
      }
    }
  }

  @Override
  public void close() {
    try {
      terminal.close();
    } catch (IOException e) {
      // it is as it was since the last line
    }
  }
}

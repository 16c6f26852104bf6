package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.engine.tokenizer.Encoding;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.io.Json;
import dev.phial.source.TextFile;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code phial tokenize}: the tokens of a text. */
@Command(
    name = "tokenize",
    header = "Shows the tokens of a text: their ids and pieces.",
    description =
        "Nothing is added before or after the text. The model may be a folder with tokenizer files only, or a GGUF"
            + " file with a vocabulary only. Without TEXT and --file, standard input is read.",
    footer = "",
    customSynopsis = "phial tokenize MODEL (TEXT | --file FILE) [--special] [--json]",
    sortOptions = false)
final class TokenizeCommand implements Callable<Integer> {
  private static final int MOST_INPUT = 4 << 20; // of which tokens take a gigabyte

  @Parameters(index = "0", paramLabel = "MODEL", description = ModelArgument.DESCRIPTION)
  private String model = "";

  @Parameters(index = "1", paramLabel = "TEXT", arity = "0..1", description = "The text.")
  private Optional<String> text = Optional.empty();

  @Option(names = "--file", paramLabel = "FILE", description = "A file with the text, in UTF-8.")
  private Optional<Path> file = Optional.empty();

  @Option(
      names = "--special",
      description =
          "Let the text of a special token, like <|user|>, stand for the token; otherwise it is text like any other.")
  private boolean special;

  @Option(names = "--json", description = "Print the result as JSON.")
  private boolean json;

  @Override
  public Integer call() {
    Stopwatch stopwatch = Stopwatch.start();
    String input = input();
    if (input.length() > MOST_INPUT) {
      throw new PhialException.BadInput(
          "expected a text of at most %d characters, found %d; split it"
              .formatted(MOST_INPUT, input.length()));
    }
    Encoding encoding = Tokenizer.open(ModelArgument.original(model)).encode(input, special);
    if (json) {
      JsonResult.print(json(encoding), stopwatch);
    } else {
      Table table = new Table("rl");
      for (int i = 0; i < encoding.ids().length; i++) {
        table.row(encoding.ids()[i], encoding.pieces().get(i));
      }
      table.print(System.out);
      System.err.printf("%d tokens%n", encoding.ids().length);
    }
    System.err.println(stopwatch);
    return Main.DONE;
  }

  private String input() {
    if (text.isPresent() && file.isPresent()) {
      throw new PhialException.Usage("expected TEXT or --file, found both");
    }
    return text.or(() -> file.map(TextFile::read)).orElseGet(() -> StandardInput.read(MOST_INPUT));
  }

  private static ObjectNode json(Encoding encoding) {
    ObjectNode result = Json.MAPPER.createObjectNode();
    ArrayNode ids = result.putArray("ids");
    for (int id : encoding.ids()) {
      ids.add(id);
    }
    ArrayNode pieces = result.putArray("pieces");
    encoding.pieces().forEach(pieces::add);
    return result;
  }
}

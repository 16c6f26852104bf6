package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.engine.hub.Hub;
import dev.phial.engine.hub.HubId;
import dev.phial.io.Json;
import dev.phial.io.Sizes;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code phial pull}: a model of the hub, into the folder where all its tools keep them. */
@Command(
    name = "pull",
    header = "Brings a model from the Hugging Face hub.",
    description = {
      "Only the files that a conversion needs are brought, several at once; what was interrupted goes on where it was,"
          + " and the hash of each file is checked. They are kept where all tools of the hub keep them, so nothing is brought twice; or in a folder of yours.",
      "",
      "Other commands do the same by themselves where MODEL is the name of a model on the hub."
    },
    footer = {
      "",
      "HF_TOKEN, or the file that 'hf auth login' writes, says who you are; HF_HOME and HF_HUB_CACHE where files are kept;"
          + " HF_ENDPOINT which hub is asked; HF_HUB_OFFLINE=1 not to ask any."
    },
    sortOptions = false)
final class PullCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      paramLabel = "ID[@REVISION][/PATH]",
      description =
          "Such as microsoft/Phi-4-mini-instruct; with PATH, a folder or a file of its repository.")
  private String model = "";

  @Option(
      names = {"-o", "--output", "--local-dir"},
      paramLabel = "FOLDER",
      description = "Keep the files in this folder, under their own names, instead.")
  private Optional<Path> folder = Optional.empty();

  @Option(
      names = "--force",
      description = "Replace files of the folder that are others than those of the hub.")
  private boolean force;

  @Option(names = "--json", description = "Print the result as JSON.")
  private boolean json;

  @Override
  public Integer call() {
    Stopwatch stopwatch = Stopwatch.start();
    HubId id =
        HubId.of(model)
            .orElseThrow(() ->
                new PhialException.Usage(
                    "%s: expected a model of the hub, such as microsoft/phi-4; a folder of this name here would be meant otherwise, which hf:%s is not"
                        .formatted(model, model)));
    Hub hub = folder.map(place -> Hub.open(place, force)).orElseGet(Hub::open);
    Hub.Pulled pulled = HubModels.pull(hub, id, Hub.Part.ALL);
    if (json) {
      ObjectNode result = Json.MAPPER.createObjectNode().put("path", pulled.path().toString());
      result
          .put("files", pulled.files())
          .put("bytes", pulled.bytes())
          .put("fetched_bytes", pulled.fetched());
      ArrayNode notes = result.putArray("notes");
      pulled.notes().forEach(notes::add);
      JsonResult.print(result, stopwatch);
    } else {
      System.out.println(pulled.path());
      if (pulled.files() > 0) {
        System.err.printf("%d files, %s%n", pulled.files(), Sizes.of(pulled.bytes()));
      }
    }
    System.err.println(stopwatch);
    return Main.DONE;
  }
}

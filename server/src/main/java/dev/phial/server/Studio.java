package dev.phial.server;

import dev.phial.engine.advise.MeasuredLosses;
import dev.phial.io.Json;
import dev.phial.source.Contents;
import dev.phial.source.Sources;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * A page to work with: it picks a model, has it converted and measured, and talks with two at once.
 * What changes something needs the token that only the page itself was given, so that no other site
 * can have a browser do it.
 */
final class Studio implements AutoCloseable {
  private static final String RESOURCES = "studio/";
  private static final String TOKEN = "X-Phial-Token";
  private static final int MOST_TARGETS = 32;
  private static final int MOST_CHUNKS = 256;
  private static final long TICKET_NANOS = 60_000_000_000L;

  /** Everything from here and nothing from elsewhere, and in no other site's frame. */
  private static final String POLICY =
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

  private static final Map<String, String> ASSETS =
      Map.of(
          "/studio.js", "text/javascript; charset=utf-8",
          "/chat.js", "text/javascript; charset=utf-8",
          "/studio.css", "text/css; charset=utf-8",
          "/uPlot.iife.min.js", "text/javascript; charset=utf-8",
          "/uPlot.min.css", "text/css; charset=utf-8");

  private final Library library;
  private final Models models;
  private final Workshop workshop;
  private final Optional<Jobs> jobs;
  private final String token = Head.random("") + Head.random("");
  private final Map<String, Ticket> tickets = new ConcurrentHashMap<>();

  /** Leave to download a model once. */
  private record Ticket(Library.Entry entry, long until) {}

  Studio(StudioSettings settings, Models models, int threads) {
    this.library = new Library(settings);
    this.models = models;
    this.workshop = new Workshop(library, models, threads);
    this.jobs = library.outputs().map(folder -> new Jobs(folder, workshop::run));
  }

  /** Whether a path is the page or a part of it, which is no secret. */
  static boolean isPage(String path) {
    return path.equals("/") || ASSETS.containsKey(path) || path.startsWith("/studio/files/");
  }

  /**
   * Sends the page or a part of it.
   *
   * @throws ApiError if there is none
   */
  void page(Call call) throws IOException {
    String path = call.path();
    if (path.startsWith("/studio/files/")) {
      download(call, path.substring("/studio/files/".length()));
      return;
    }
    call.set("Content-Security-Policy", POLICY);
    call.set("Referrer-Policy", "no-referrer");
    call.set("X-Frame-Options", "DENY");
    if (path.equals("/")) {
      String page = new String(resource("index.html"), StandardCharsets.UTF_8);
      call.send(
          200,
          "text/html; charset=utf-8",
          page.replace("{{token}}", token).getBytes(StandardCharsets.UTF_8));
    } else {
      call.send(200, ASSETS.getOrDefault(path, ""), resource(path.substring(1)));
    }
  }

  private static byte[] resource(String name) throws IOException {
    try (InputStream in = Studio.class.getResourceAsStream(RESOURCES + name)) {
      if (in == null) {
        throw new IllegalStateException("the jar lacks " + name);
      }
      return in.readAllBytes();
    }
  }

  /** Says what there is: models, targets, jobs. */
  ObjectNode state() {
    ObjectNode json = Json.MAPPER.createObjectNode();
    json.put("can_make", jobs.isPresent());
    library.outputs().ifPresent(folder -> json.put("folder", folder.getFileName().toString()));
    json.set("devices", workshop.devices());
    ArrayNode list = json.putArray("models");
    List<String> listed = new ArrayList<>();
    for (Library.Entry entry : library.entries()) {
      listed.add(entry.name());
      describe(list.addObject(), entry.name()).put("bytes", entry.bytes()).put("source", true);
    }
    models.all().stream()
        .map(ServedModel::id)
        .filter(id -> !listed.contains(id))
        .forEach(id -> describe(list.addObject(), id).put("source", false));
    ArrayNode work = json.putArray("jobs");
    jobs.ifPresent(all -> all.all().forEach(job -> work.add(job.json())));
    return json;
  }

  private ObjectNode describe(ObjectNode json, String name) {
    Optional<ServedModel> served = models.find(name);
    return json.put("name", name)
        .put("loaded", served.isPresent())
        .put("can_unload", models.isLoaded(name))
        .put("chats", served.flatMap(ServedModel::template).isPresent());
  }

  /**
   * Does what a page asks for.
   *
   * @param action the end of the path
   * @throws ApiError if the page's token is missing, or there is no such action
   */
  ObjectNode act(Call call, String action, ObjectNode body) {
    if (!call.header(TOKEN).filter(token::equals).isPresent()) {
      throw ApiError.refused(
          403, null, "wrong_token", "the page is older than the server; load it again");
    }
    Fields fields = new Fields(body);
    switch (action) {
      case "plan" -> {
        String model = model(fields);
        return workshop.plan(model, fields.text("device"), losses(model));
      }
      case "jobs" -> {
        Job job = job(fields);
        jobs().add(job);
        return job.json();
      }
      case "cancel" -> jobs().cancel(fields.text("id").orElse(""));
      case "load" -> {
        Library.Entry entry = library.find(model(fields));
        models.load(entry.name(), Sources.open(entry.path()));
      }
      case "unload" -> models.unload(model(fields));
      case "ticket" -> {
        return ticket(library.find(model(fields)));
      }
      default -> throw ApiError.refused(404, null, "unknown_url", "there is no such action");
    }
    return Json.MAPPER.createObjectNode();
  }

  private Jobs jobs() {
    return jobs.orElseThrow(
        () -> ApiError.invalid(null, "start the server with --models DIR, a folder to write in"));
  }

  private static String model(Fields fields) {
    return fields
        .text("model")
        .orElseThrow(() -> ApiError.invalid("model", "expected the name of a model, found none"));
  }

  /** What was measured of a model, the newest of each type. */
  private MeasuredLosses losses(String model) {
    Map<String, Double> found = new HashMap<>();
    for (Job job : jobs.map(Jobs::all).orElse(List.of())) {
      if (job.model().equals(model)) {
        job.losses().forEach(found::putIfAbsent);
      }
    }
    return new MeasuredLosses("by jobs of this page", found);
  }

  private Job job(Fields fields) {
    Library.Entry entry = library.find(model(fields));
    List<String> targets = new ArrayList<>();
    for (JsonNode target : fields.find("targets").orElseThrow(Studio::noTargets)) {
      targets.add(target.asString(""));
    }
    if (targets.isEmpty() || targets.size() > MOST_TARGETS) {
      throw noTargets();
    }
    Job.Kind kind =
        switch (fields.text("kind").orElse("")) {
          case "convert" -> Job.Kind.CONVERT;
          case "measure" -> Job.Kind.MEASURE;
          default -> throw ApiError.invalid("kind", "expected convert or measure");
        };
    return new Job(kind, entry.name(), targets, fields.count("chunks", 1, MOST_CHUNKS).orElse(4));
  }

  private static ApiError noTargets() {
    return ApiError.invalid(
        "targets", "expected 1 to %d targets with precisions".formatted(MOST_TARGETS));
  }

  /** A browser downloads without the key that the page knows, so the page asks for leave. */
  private ObjectNode ticket(Library.Entry entry) {
    long now = System.nanoTime();
    tickets.values().removeIf(ticket -> now - ticket.until > 0);
    String name = Head.random("") + Head.random("");
    tickets.put(name, new Ticket(entry, now + TICKET_NANOS));
    return Json.MAPPER.createObjectNode().put("url", "/studio/files/" + name);
  }

  private void download(Call call, String name) throws IOException {
    Ticket ticket = tickets.remove(name);
    if (ticket == null || System.nanoTime() - ticket.until > 0) {
      throw ApiError.refused(404, null, null, "this link was good once; ask for another");
    }
    Path path = ticket.entry.path();
    String file = path.getFileName().toString();
    boolean isFolder = ticket.entry.isFolder();
    call.set("Content-Disposition", attachment(isFolder ? file + ".zip" : file));
    if (isFolder) {
      try (ZipOutputStream zip = new ZipOutputStream(call.stream("application/zip"))) {
        zip.setLevel(0); // weights do not shrink
        for (Path each : Library.files(path)) {
          zip.putNextEntry(new ZipEntry(path.relativize(each).toString().replace('\\', '/')));
          Contents.copy(each, zip);
          zip.closeEntry();
        }
      }
    } else {
      try (OutputStream out = call.stream("application/octet-stream", Sources.size(path))) {
        Contents.copy(path, out);
      }
    }
  }

  private static String attachment(String name) {
    String plain = name.replaceAll("[^A-Za-z0-9._-]", "_");
    return String.format(Locale.ROOT, "attachment; filename=\"%s\"", plain);
  }

  @Override
  public void close() {
    jobs.ifPresent(Jobs::close);
  }
}

package dev.phial.server;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/**
 * Decides who may ask. A browser is a danger even to a server that only this machine reaches: any
 * page it shows can send requests here, and by a name that changes its address ("DNS rebinding")
 * even read the answers.
 */
final class Guard {
  private final Set<String> names = new HashSet<>(Set.of("localhost"));
  private final Optional<byte[]> key;

  /**
   * @param names by which clients may call the server, besides any address and localhost
   * @param key what clients must know, if anything; only its hash is kept
   */
  Guard(List<String> names, Optional<String> key) {
    names.forEach(name -> this.names.add(name.toLowerCase(Locale.ROOT)));
    this.key = key.map(Guard::hash);
  }

  /**
   * Refuses a page of another site, and a site that pretends to be here.
   *
   * @throws ApiError if it is one
   */
  void checkSite(Call call) {
    String host =
        call.header("Host")
            .orElseThrow(
                () -> ApiError.refused(400, null, null, "expected one Host header, found none"));
    String name = host.replaceFirst(":\\d*$", "").toLowerCase(Locale.ROOT);
    if (!isAddress(name) && !names.contains(name)) {
      throw ApiError.refused(
          403,
          null,
          "unknown_host",
          "this server is not called %s; start it with --allow-host if it is".formatted(name));
    }
    boolean isElsewhere =
        call.header("Origin")
                .filter(origin ->
                    !origin.equalsIgnoreCase("http://" + host)
                        && !origin.equalsIgnoreCase("https://" + host))
                .isPresent()
            || call.header("Sec-Fetch-Site").filter("cross-site"::equals).isPresent();
    if (isElsewhere) {
      throw ApiError.refused(403, null, "cross_origin", "requests from other sites are refused");
    }
  }

  /** Whether it is a literal address, which no name server can turn into another. */
  private static boolean isAddress(String name) {
    return name.matches("\\d{1,3}(\\.\\d{1,3}){3}") || name.matches("\\[[0-9a-f:.]+\\]");
  }

  /**
   * Refuses who does not know the key. It takes as long for a key that is nearly right as for any.
   *
   * @throws ApiError if the key is wrong or missing
   */
  void checkKey(Call call) {
    if (key.isEmpty()) {
      return;
    }
    String said =
        call.header("Authorization")
            .filter(value -> value.regionMatches(true, 0, "Bearer ", 0, 7))
            .map(value -> value.substring(7).strip())
            .orElse("");
    if (!MessageDigest.isEqual(key.get(), hash(said))) {
      call.set("WWW-Authenticate", "Bearer");
      throw ApiError.refused(
          401,
          null,
          "invalid_api_key",
          said.isEmpty()
              ? "You didn't provide an API key: send it as a header, Authorization: Bearer KEY"
              : "Incorrect API key provided");
    }
  }

  private static byte[] hash(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(StandardCharsets.UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has it", e);
    }
  }
}

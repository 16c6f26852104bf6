package dev.phial.server;

import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * How a server is reached, and what one request may take.
 *
 * @param host name or address to listen at
 * @param port 0 for any that is free
 * @param key what clients must know, if anything
 * @param names by which clients may call the server besides its address
 * @param body bytes of a request
 * @param parallel texts of a model that are continued at once
 * @param queue texts that may wait for that
 * @param most tokens to generate for a text
 * @param context tokens that prompt and continuation may have together, if fewer than the model's
 * @param memory bytes that models and conversations may take together
 * @param time for a request, from its arrival
 * @param threads to work with
 */
public record ServerSettings(
    String host,
    int port,
    Optional<String> key,
    List<String> names,
    int body,
    int parallel,
    int queue,
    OptionalInt most,
    OptionalInt context,
    long memory,
    Duration time,
    int threads) {
  public ServerSettings {
    names = List.copyOf(names);
  }
}

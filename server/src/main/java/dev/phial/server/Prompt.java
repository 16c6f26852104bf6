package dev.phial.server;

/**
 * What a text begins with.
 *
 * @param ids its tokens
 * @param added how many of them, at the beginning, the request did not say
 * @param text as it is echoed
 */
record Prompt(int[] ids, int added, String text) {
  /**
   * @param context tokens that prompt and continuation may have together
   * @throws ApiError if there is no room for a continuation
   */
  Prompt checked(String parameter, int context) {
    if (ids.length == 0) {
      throw ApiError.invalid(parameter, "expected a prompt, found none");
    }
    if (ids.length >= context) {
      throw tooLong(parameter, context, "%d tokens".formatted(ids.length));
    }
    return this;
  }

  static ApiError tooLong(String parameter, int context, String found) {
    return ApiError.refused(
        400,
        parameter,
        "context_length_exceeded",
        "This model's maximum context length is %d tokens. However, your messages resulted in %s. Please reduce the length of the messages."
            .formatted(context, found));
  }
}

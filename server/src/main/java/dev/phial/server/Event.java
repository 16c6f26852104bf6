package dev.phial.server;

import dev.phial.PhialException;
import java.util.List;

/** What becomes of a text that is being continued. */
sealed interface Event {
  /** Which of a request's texts it is, from 0. */
  int index();

  /** The prompt's tokens were looked at. */
  record Prompt(int index, List<TokenScore> scores) implements Event {}

  /**
   * More text.
   *
   * @param scores of its tokens, if they are told
   */
  record Piece(int index, String text, List<TokenScore> scores) implements Event {}

  /**
   * The end.
   *
   * @param generated tokens
   * @param cached how many tokens of the prompt did not have to be computed
   */
  record End(int index, Finish finish, int generated, int cached) implements Event {}

  /** It cannot be continued. */
  record Failure(int index, PhialException cause) implements Event {}

  /** Why a text ended. */
  enum Finish {
    /** The model said that it is done, or a stop string came. */
    STOP,
    /** There are as many tokens as were asked for, or as the context holds. */
    LENGTH,
    /** It took longer than a request may. */
    TIME,
    /** The server ends. */
    CLOSED
  }
}

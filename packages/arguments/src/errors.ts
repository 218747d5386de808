/** What is wrong with a call. */
export type ArgumentErrorCode =
  /**
   * When: a required argument or option is missing, one is of the wrong type, or the function has no option of that
   * name. Retry: no. Do: correct the call; the message names the argument.
   */
  'ERR_ARGUMENT';

/** A function was called with an argument that it cannot use; nothing was done. */
export class ArgumentError extends TypeError {
  readonly code: ArgumentErrorCode = 'ERR_ARGUMENT';
  override name = 'ArgumentError';
  /** The argument, with the way to the option within it: `options.url`. */
  readonly argument: string;

  constructor(argument: string, message: string) {
    super(message);
    this.argument = argument;
  }
}

/** The same for a number beyond what is possible, or content asked for from beyond its end. */
export class ArgumentRangeError extends RangeError {
  readonly code: ArgumentErrorCode = 'ERR_ARGUMENT';
  override name = 'ArgumentRangeError';
  /** As {@link ArgumentError.argument}. */
  readonly argument: string;

  constructor(argument: string, message: string) {
    super(message);
    this.argument = argument;
  }
}

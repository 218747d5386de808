const option = '--allow-nondistributable';

/**
 * The arguments with a value for each bare `--allow-nondistributable`. The parser would take the word after it, which
 * is the image to push.
 */
export function withOptionalValues(args: readonly string[]): readonly string[] {
  const end = args.indexOf('--');
  return args.map((arg, at) => (arg === option && (end === -1 || at < end) ? `${option}=all` : arg));
}

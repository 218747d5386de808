/** What the operating system said, such as `ENOENT`; undefined where it said nothing. */
export function systemCodeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

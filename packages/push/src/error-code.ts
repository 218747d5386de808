/** `code` of an error of any package; two copies of a package may be installed, so classes alone do not tell. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

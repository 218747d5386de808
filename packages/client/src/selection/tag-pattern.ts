/**
 * Whether a tag is meant by a pattern with `*` and `?`. With a `:` or `/` in it, the pattern is compared with the whole
 * name, short as a user types it; else with the tag alone.
 *
 * @example
 * matchesTag('v1.*', undefined, 'v1.2'); // true
 */
export function matchesTag(pattern: string, name: string | undefined, tag: string): boolean {
  const expression = new RegExp(
    `^${pattern
      .replace(/[\\^$.|+()[\]{}]/g, '\\$&')
      .replaceAll('*', '.*')
      .replaceAll('?', '.')}$`,
  );
  if (!/[:/]/.test(pattern)) return expression.test(tag);
  const full = name === undefined ? tag : `${name}:${tag}`;
  const familiar = full.replace(/^docker\.io\/(?:library\/)?/, '');
  return expression.test(full) || expression.test(familiar);
}

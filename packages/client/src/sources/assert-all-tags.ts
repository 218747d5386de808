import { type ItemSelector, locateSource, parseSourceText } from '@slipway/image-source';
import { parseAnyReference } from '@slipway/reference';
import { optionError } from '../errors.ts';
import { assertNoUser } from '../names/assert-no-user.ts';

/**
 * Refuses a SOURCE that names one image where all tags are pushed: they are those of a repository, or of all of a file.
 *
 * @throws {ClientError} `ERR_CLIENT_OPTION`, or `ERR_CLIENT_PASSWORD_IN_NAME`
 * @throws {InvalidReferenceError | SourceError} for a malformed source
 */
export async function assertTakesAllTags(text: string): Promise<void> {
  const source = parseSourceText(text);
  if ('path' in source) {
    const located = await locateSource(text);
    if (located?.select !== undefined) throw namesOne(text, `leave ${selectorText(located.select)} off`);
    return;
  }
  assertNoUser(text);
  const reference = parseAnyReference(source.reference);
  if (!('registry' in reference)) throw namesOne(text, 'name its repository');
  if (reference.tag !== undefined || reference.digest !== undefined) throw namesOne(text, 'leave the tag off');
}

function namesOne(text: string, wayOut: string): Error {
  return optionError(
    `${JSON.stringify(text)} names one image, and \`allTags\` takes a repository or all of a file`,
    `${wayOut}; \`tags\` chooses among the tags`,
  );
}

function selectorText(select: ItemSelector): string {
  if ('reference' in select) return `:${select.reference}`;
  return 'position' in select ? `:@${select.position}` : `@${select.digest}`;
}

import { aString, assertArgument } from '@slipway/arguments';
import { malformedText } from './errors.ts';

/**
 * Which image of a source: by the tag or reference that the user wrote, by its position in the list of images, from 0,
 * or by the digest of its manifest or config.
 */
export type ItemSelector = { readonly reference: string } | { readonly position: number } | { readonly digest: string };

/** A source that lies in files. */
export interface StoredSourceText {
  /** `path`: recognised by content. `dir`: a folder as skopeo writes it. */
  readonly transport: 'path' | 'docker-archive' | 'oci' | 'oci-archive' | 'dir';
  readonly path: string;
  readonly select?: ItemSelector | undefined;
}

/** A SOURCE argument taken apart. A path of `-` is standard input. */
export type SourceText =
  | StoredSourceText
  /** Opened by others: a Docker daemon, a registry, this machine's image store. */
  | { readonly transport: 'docker-daemon' | 'docker' | 'store'; readonly reference: string };

/**
 * Takes a SOURCE apart: a path, `-`, or a transport as skopeo writes it, each with a selector behind it if one is
 * wanted: `:TAG`, `:@POSITION`, `:@DIGEST` or `@DIGEST`. As with skopeo, the path of a transport ends at its first `:`;
 * a path alone and that of a `dir:` are taken whole. What exists decides where a path really ends, see
 * {@link sourceReadings}.
 *
 * @throws {SourceError} `ERR_SOURCE_TEXT` when something is missing after a transport
 * @example parseSourceText('oci-archive:app.tar:v1'); // { transport: 'oci-archive', path: 'app.tar', select: {
 * reference: 'v1' } }
 */
export function parseSourceText(text: string): SourceText {
  assertArgument('text', text, aString);
  if (text === '') throw malformedText('Expected a source: a path, "-", or a transport such as "oci:PATH"', { hint });
  if (text.includes('\0')) throw malformedText(`Source ${JSON.stringify(text)} has a zero byte in it`);
  if (text.startsWith('docker://'))
    return { transport: 'docker', reference: required(text, text.slice(9), 'a reference') };
  const { transport, rest } = splitTransport(text);
  switch (transport) {
    case 'docker-daemon':
    case 'store':
      return { transport, reference: required(text, rest, 'a reference') };
    case 'dir':
      return { transport, path: required(text, rest, 'a path') };
    case 'docker-archive':
    case 'oci':
    case 'oci-archive': {
      const [first] = splits(rest);
      return first === undefined ? { transport, path: required(text, rest, 'a path') } : stored(text, transport, first);
    }
    default:
      return { transport: 'path', path: text };
  }
}

/**
 * Everything that a SOURCE in files may mean, the likeliest first: paths may have colons in them too, and a path alone
 * may have a selector behind it.
 *
 * @throws {SourceError} `ERR_SOURCE_TEXT` as {@link parseSourceText}
 */
export function sourceReadings(text: string): readonly StoredSourceText[] {
  assertArgument('text', text, aString);
  const parsed = parseSourceText(text);
  if (!('path' in parsed)) return [];
  const { transport, rest } = splitTransport(text);
  const readings: StoredSourceText[] = [parsed];
  const isWhole = transport === undefined || transport === 'dir';
  const others = isWhole ? splits(transport === undefined ? text : rest).toReversed() : splits(rest).slice(1);
  for (const split of others) {
    if (split.path !== '' && split.selector !== '') readings.push(stored(text, parsed.transport, split));
  }
  if (!isWhole && rest !== '') readings.push({ transport: parsed.transport, path: rest });
  return readings;
}

function splitTransport(text: string): { readonly transport: string | undefined; readonly rest: string } {
  const pattern = /^(docker-archive|docker-daemon|oci|oci-archive|store|dir):(.*)$/s;
  const [, transport, rest = ''] = pattern.exec(text) ?? [];
  return { transport, rest };
}

interface Split {
  readonly path: string;
  readonly selector: string;
}

/** Where a path may end: at each `:`, and before `@ALGORITHM:HEX` at the end. A drive letter belongs to the path. */
function splits(rest: string): readonly Split[] {
  const digest = /:?@[a-z0-9]+:[0-9a-f]{32,}$/.exec(rest);
  const driveLength = /^[a-z]:[\\/]/i.test(rest) ? 2 : 0;
  const found: Split[] = [];
  for (let at = rest.indexOf(':', driveLength); at !== -1; at = rest.indexOf(':', at + 1)) {
    if (digest !== null && at >= digest.index) break;
    found.push({ path: rest.slice(0, at), selector: rest.slice(at + 1) });
  }
  if (digest !== null) found.push({ path: rest.slice(0, digest.index), selector: digest[0].replace(/^:/, '') });
  return found;
}

function stored(text: string, transport: StoredSourceText['transport'], { path, selector }: Split): StoredSourceText {
  return {
    transport,
    path: required(text, path, 'a path'),
    select: selectorOf(text, required(text, selector, 'a tag or reference')),
  };
}

function selectorOf(text: string, selector: string): ItemSelector {
  if (!selector.startsWith('@')) return { reference: selector };
  if (/^@\d{1,9}$/.test(selector)) return { position: Number(selector.slice(1)) };
  if (/^@[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-zA-Z=_-]+$/.test(selector)) return { digest: selector.slice(1) };
  throw malformedText(
    `Source ${JSON.stringify(text)} should end in a position, as in "@0", in a digest, or in a tag or reference`,
  );
}

const hint = 'Write a path, -, or a transport: oci:PATH[:TAG], docker-archive:PATH[:REF], docker://REF, store:REF';

function required(text: string, part: string, what: string): string {
  if (part === '') throw malformedText(`Source ${JSON.stringify(text)} lacks ${what}`, { hint });
  return part;
}

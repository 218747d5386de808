import { invalidSource } from './errors.ts';

/** Which image of a docker archive: by reference as the user wrote it, or by position, from 0. */
export type DockerArchiveSelector = { readonly reference: string } | { readonly position: number };

/** Which entry of an OCI layout: by tag (or full reference), or by digest. */
export type OciSelector = { readonly tag: string } | { readonly digest: string };

/** A SOURCE argument taken apart. A path of `-` is standard input. */
export type SourceText =
  /** Recognised by content: docker archive, OCI layout, OCI archive. */
  | { readonly transport: 'path'; readonly path: string }
  | { readonly transport: 'docker-archive'; readonly path: string; readonly select?: DockerArchiveSelector | undefined }
  | { readonly transport: 'oci' | 'oci-archive'; readonly path: string; readonly select?: OciSelector | undefined }
  /** Opened by others: a Docker daemon, a registry, this machine's image store. */
  | { readonly transport: 'docker-daemon' | 'docker' | 'store'; readonly reference: string };

/**
 * Takes a SOURCE apart: a path, `-`, or a transport as skopeo writes it.
 * As there, the path of a transport ends at its first `:`; a file called `oci:x` is given as `./oci:x`.
 *
 * @throws {SourceError} `ERR_SOURCE_INVALID` when something is missing after a transport
 * @example
 * parseSourceText('oci-archive:app.tar:v1'); // { transport: 'oci-archive', path: 'app.tar', select: { tag: 'v1' } }
 */
export function parseSourceText(text: string): SourceText {
  if (text === '') throw invalidSource('Expected a source: a path, "-", or a transport such as "oci:PATH"');
  if (text.includes('\0')) throw invalidSource(`Source ${JSON.stringify(text)} has a zero byte in it`);
  if (text.startsWith('docker://'))
    return { transport: 'docker', reference: required(text, text.slice(9), 'a reference') };
  const [, transport, rest = ''] = /^(docker-archive|docker-daemon|oci|oci-archive|store):(.*)$/s.exec(text) ?? [];
  switch (transport) {
    case 'docker-daemon':
    case 'store':
      return { transport, reference: required(text, rest, 'a reference') };
    case 'docker-archive': {
      const { path, selector } = splitPath(text, rest);
      return { transport, path, select: selector === undefined ? undefined : dockerSelector(text, selector) };
    }
    case 'oci':
    case 'oci-archive': {
      const { path, selector } = splitPath(text, rest);
      return { transport, path, select: selector === undefined ? undefined : ociSelector(selector) };
    }
    default:
      return { transport: 'path', path: text };
  }
}

/** `PATH`, `PATH:SELECTOR` or `PATH@ALGORITHM:HEX`; a drive letter belongs to the path. */
function splitPath(text: string, rest: string): { readonly path: string; readonly selector: string | undefined } {
  const digest = /@[a-z0-9]+:[0-9a-f]{32,}$/.exec(rest);
  const driveLength = /^[a-z]:[\\/]/i.test(rest) ? 2 : 0;
  const colon = rest.indexOf(':', driveLength);
  const end = digest && (colon === -1 || colon > digest.index) ? digest.index : colon;
  if (end === -1) return { path: required(text, rest, 'a path'), selector: undefined };
  const selector = rest.slice(rest[end] === ':' ? end + 1 : end);
  return {
    path: required(text, rest.slice(0, end), 'a path'),
    selector: required(text, selector, 'a tag or reference'),
  };
}

function dockerSelector(text: string, selector: string): DockerArchiveSelector {
  if (!selector.startsWith('@')) return { reference: selector };
  if (!/^@\d{1,9}$/.test(selector)) {
    throw invalidSource(`Source ${JSON.stringify(text)} should end in a position, as in "@0", or in a reference`);
  }
  return { position: Number(selector.slice(1)) };
}

function ociSelector(selector: string): OciSelector {
  return selector.startsWith('@') ? { digest: selector.slice(1) } : { tag: selector };
}

function required(text: string, part: string, what: string): string {
  if (part === '') throw invalidSource(`Source ${JSON.stringify(text)} lacks ${what}`);
  return part;
}

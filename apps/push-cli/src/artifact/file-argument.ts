import { isMediaType } from '@slipway/manifest';
import { usageError } from '../errors.ts';

/** A file or folder, with its media type where one was named. */
export interface FileArgument {
  readonly path: string;
  readonly mediaType: string | undefined;
}

/**
 * Reads `FILE[:TYPE]`: what stands behind the last colon is the type. A name that has a colon is written with one more
 * at its end; that of a Windows drive is none of these.
 *
 * @throws {CliError} `ERR_CLI_USAGE`
 */
export function readFileArgument(text: string): FileArgument {
  const at = text.lastIndexOf(':');
  const isDrive = at === 1 && /^[A-Za-z]:[\\/]/.test(text);
  const [path, type] = at < 0 || isDrive ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
  if (path === '') throw usageError(`${JSON.stringify(text)} names no file`, 'write it as FILE or FILE:TYPE');
  if (type === '') return { path, mediaType: undefined };
  if (isMediaType(type)) return { path, mediaType: type };
  throw usageError(
    `${JSON.stringify(type)}, the type of ${JSON.stringify(path)}, is no media type`,
    `write one such as ${path}:application/json; a name with a colon is written with one more behind it: ${text}:`,
  );
}

/**
 * Collects `--annotation KEY=VALUE`.
 *
 * @throws {CliError} `ERR_CLI_USAGE` for one without a key or "=", and for a key that was named before
 */
export function withAnnotation(
  text: string,
  earlier: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf('=');
  const key = text.slice(0, at).trim();
  if (at < 0 || key === '') {
    throw usageError(`--annotation ${JSON.stringify(text)} is no KEY=VALUE`, 'write it as --annotation key=value');
  }
  if (Object.hasOwn(earlier, key)) throw usageError(`--annotation ${key} is there twice`, 'leave one of them out');
  return { ...earlier, [key]: text.slice(at + 1) };
}

/** Reads a media type. @throws {CliError} `ERR_CLI_USAGE` */
export function readMediaType(text: string): string {
  if (isMediaType(text)) return text;
  throw usageError(`${JSON.stringify(text)} is no media type`, 'write one such as application/spdx+json');
}

/** Reads a destination as oras writes several tags of one repository: `ghcr.io/me/app:1.0,latest`. */
export function readDestinations(text: string): readonly string[] {
  const at = text.lastIndexOf(':');
  const tags = text.slice(at + 1);
  if (at < 0 || !tags.includes(',') || tags.includes('/')) return [text];
  return tags.split(',').map((tag) => `${text.slice(0, at)}:${tag}`);
}

import {
  ArgumentError,
  aContent,
  aFunction,
  aPlainObject,
  aSignal,
  aString,
  assertArgument,
  assertMembers,
  assertOptions,
  aText,
  either,
  type Kind,
  kind,
  listOf,
  someBytes,
  unexpected,
} from '@slipway/arguments';
import { isDigest } from '@slipway/digest';
import { isMediaType } from '@slipway/manifest';
import { aTime } from '../parts/layer-options.ts';
import { type ArtifactFile, type ArtifactParts, type ArtifactRecipe, titleAnnotation } from './artifact-parts.ts';
import { openArtifact } from './open-artifact.ts';

const aMediaType = kind(
  'a media type such as application/json',
  (value) => aText.is(value) && isMediaType(value as string),
);
const texts = kind('a plain object, each member a string', (value) => {
  return (
    aPlainObject.is(value) && Object.entries(value as object).every(([key, text]) => key !== '' && aString.is(text))
  );
});
const aFilter = either(listOf(aText), aFunction);
const someContent = either(aString, someBytes, aContent);
const aSubject = either(
  aText,
  kind('a descriptor', (value) => {
    const { mediaType, digest, size } = (value ?? {}) as Readonly<Record<string, unknown>>;
    return aMediaType.is(mediaType) && isDigest(digest) && Number.isSafeInteger(size) && (size as number) >= 0;
  }),
);

const optional: Readonly<Record<keyof ArtifactParts, Kind>> = {
  files: listOf(either(aText, aPlainObject)),
  artifactType: aMediaType,
  config: either(aText, aPlainObject),
  annotations: texts,
  subject: aSubject,
};
const ofConfig = { path: aText, content: someContent, mediaType: aMediaType };
const ofFile: Readonly<Record<keyof ArtifactFile, Kind>> = {
  ...ofConfig,
  ...{ title: aText, annotations: texts, include: aFilter, exclude: aFilter },
};

/**
 * An artifact of files: an SBOM, a chart, a model, anything that is kept in a registry and is no image. Its manifest is
 * that of oras, byte for byte, but for the time, which oras adds and this does not: from the same parts comes the same
 * artifact.
 *
 * @throws {ArgumentError} `ERR_ARGUMENT`
 * @example
 * const artifact = artifactFrom({ files: ['sbom.json'], artifactType: 'application/spdx+json' });
 * await using source = await artifact.open();
 * await pusher.push(source.items[0], destinations);
 */
export function artifactFrom(parts: ArtifactParts): ArtifactRecipe {
  assertArgument('parts', parts, aPlainObject);
  assertOptions('parts', parts, { optional });
  const { files = [], config, annotations } = parts;
  for (const [at, file] of files.entries()) if (typeof file !== 'string') assertFile(`parts.files[${at}]`, file);
  if (config !== undefined && typeof config !== 'string') assertConfig('parts.config', config);
  assertAnnotations('parts.annotations', annotations);
  if (files.length === 0 && config === undefined && Object.keys(annotations ?? {}).length === 0) {
    throw new ArgumentError(
      'parts.files',
      'Expected `parts` to have files, a config or annotations: the artifact would be empty',
    );
  }
  return {
    open: async (options = {}) => {
      const kinds = { time: aTime, resolveSubject: aFunction, onSpool: aFunction, spoolFolder: aText, signal: aSignal };
      // A program opens whatever recipe it is given with all that recipes may need.
      assertMembers('options', options, { optional: kinds });
      return await openArtifact(parts, options);
    },
  };
}

function assertFile(argument: string, file: ArtifactFile): void {
  assertOptions(argument, file, { optional: ofFile });
  assertOneSource(argument, file);
  if (file.content !== undefined && file.title === undefined)
    throw unexpected(`${argument}.title`, 'what the content is called', undefined);
  assertAnnotations(`${argument}.annotations`, file.annotations);
  if (file.annotations?.[titleAnnotation] !== undefined)
    throw unexpected(`${argument}.annotations`, `without ${titleAnnotation}, as \`title\` says it`, file.annotations);
}

function assertConfig(argument: string, config: Pick<ArtifactFile, 'path' | 'content'>): void {
  assertOptions(argument, config, { optional: ofConfig });
  assertOneSource(argument, config);
}

function assertOneSource(argument: string, { path, content }: Pick<ArtifactFile, 'path' | 'content'>): void {
  if ((path === undefined) !== (content === undefined)) return;
  throw unexpected(argument, 'something with either `path` or `content`', path === undefined ? {} : 'both');
}

/** What JSON cannot carry would come out as something else. */
function assertAnnotations(argument: string, annotations: Readonly<Record<string, string>> = {}): void {
  for (const [key, value] of Object.entries(annotations)) {
    if (/\p{Surrogate}/u.test(key + value)) throw unexpected(argument, 'valid Unicode', value);
  }
  const created = annotations['org.opencontainers.image.created'];
  if (created !== undefined && !isTime(created))
    throw unexpected(`${argument}["org.opencontainers.image.created"]`, 'a time such as 2026-01-31T12:00:00Z', created);
}

/** @see https://www.rfc-editor.org/rfc/rfc3339#section-5.6 */
function isTime(text: string): boolean {
  const isWritten = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:[Zz]|[+-]\d{2}:\d{2})$/.test(text);
  return isWritten && !Number.isNaN(Date.parse(text));
}

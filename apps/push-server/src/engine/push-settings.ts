import {
  assertPushSettings as assertOptionsFit,
  ClientError,
  type ClientOptions,
  type PushRequest,
} from '@slipway/client';
import { optionsOf, readOptions } from '@slipway/client/options';
import type { ServerConfig } from '../config/server-config.ts';
import { RequestError } from '../errors.ts';

/** Who chooses: a job, or a docker client for one push. */
export type SettingsFace = 'job' | 'docker';

/**
 * How something shall be pushed: the options of a push as JSON has them, by the names that they have everywhere.
 * `optionTable` says which there are and how each is read.
 */
export interface PushSettings {
  readonly [option: string]: unknown;
  /** Whether a registry that refuses a Docker manifest gets a signed schema 1 manifest in its place. */
  readonly schema1Fallback?: boolean | undefined;
}

/** What a push does differently from others about the connection to its registries. */
export type LinkSettings = Pick<ClientOptions, 'limitRate' | 'maxRequestsPerSecond' | 'retries' | 'timeout'>;

/** The options of a push as {@link readPushSettings} reads them. */
export type PushChoices = Omit<PushRequest, 'source' | 'to' | 'leaveOut' | 'signal' | 'onEvent'>;

/** What was asked for, sorted by who it concerns. */
export interface ReadSettings {
  readonly link: LinkSettings;
  readonly push: PushChoices;
}

const schema1Fallback = {
  type: 'boolean',
  description: 'Push signed schema 1 where the registry refuses a Docker manifest. Default: as the daemon was started.',
} as const;

/**
 * JSON Schemas of {@link PushSettings}, for documents, for what URLs and headers say, and for the API's description.
 * They come from the one table of options.
 */
export function settingSchemasOf(face: SettingsFace): Readonly<Record<string, Readonly<Record<string, unknown>>>> {
  const schemas = optionsOf(face).map(([name, { kind, description, initial }]) => {
    // No `default`: generated clients would take it that answers always have the member.
    const byDefault = initial === undefined ? '' : ` Default: ${String(initial)}.`;
    return [name, { ...kind.schema, description: `${sentenceOf(description)}${byDefault}` }];
  });
  return { ...Object.fromEntries(schemas), schema1Fallback };
}

/** The description of an option where there is no command line: `--all-tags` is `allTags`. */
function sentenceOf(description: string): string {
  const text = description.replace(/--([a-z-]+)/g, (_, name: string) =>
    name.replace(/-(\w)/g, (__, letter: string) => letter.toUpperCase()),
  );
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** The daemon's defaults. */
export type PushDefaults = Pick<ServerConfig, 'format' | 'protocol' | 'schema1Fallback'>;

/**
 * The options of a push: what was chosen for it, then what the daemon was started with.
 *
 * @throws {RequestError} 400 when they are not what they have to be, or do not fit together, as the program has it
 */
export function readPushSettings(face: SettingsFace, settings: PushSettings, defaults: PushDefaults): ReadSettings {
  try {
    const { limitRate, maxRequestsPerSecond, retries, timeout, ...chosen } = readOptions(face, settings);
    // A push that chooses a protocol does not get the daemon's default format with it.
    const format = chosen.format ?? (chosen.protocol === undefined ? defaults.format : 'keep');
    const protocol = chosen.protocol ?? protocolOf(format) ?? defaults.protocol;
    const requireSchema2 = !(settings.schema1Fallback ?? defaults.schema1Fallback);
    const push = { ...chosen, format, protocol, requireSchema2 };
    assertOptionsFit(push);
    return { link: { limitRate, maxRequestsPerSecond, retries, timeout }, push };
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    throw new RequestError(400, `invalid request: ${error.message}`, { cause: error });
  }
}

/** The protocol of a format that fits one alone. */
function protocolOf(format: PushDefaults['format']): PushDefaults['protocol'] | undefined {
  if (format === 'v1') return 'v1';
  return format === 'schema1' || format === 'schema1-2015' ? 'v2' : undefined;
}

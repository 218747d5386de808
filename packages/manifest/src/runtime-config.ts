import {
  describe,
  type Fields,
  fail,
  has,
  inAnyCase,
  namesOf,
  readOptionalBoolean,
  readOptionalObject,
  readOptionalString,
  readOptionalStringMap,
  readOptionalStrings,
} from './fields.ts';

/** How Docker asks a container whether it is well. Durations are in nanoseconds. */
export interface Healthcheck {
  /** `['CMD', …]`, `['CMD-SHELL', text]`, or `['NONE']` to switch off what the base image has. */
  readonly Test?: readonly string[] | undefined;
  readonly Interval?: number | undefined;
  readonly Timeout?: number | undefined;
  readonly StartPeriod?: number | undefined;
  readonly StartInterval?: number | undefined;
  /** Failures in a row before the container counts as unwell. */
  readonly Retries?: number | undefined;
}

/**
 * What a container of an image runs by default, in the config's own spelling. What the config leaves out, or sets to
 * null, is absent.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#properties
 */
export interface RuntimeConfig {
  /** User, or user and group: `1000:1000`, `nobody`. */
  readonly User?: string | undefined;
  /** Ports that it listens on, as keys: `8080/tcp`. */
  readonly ExposedPorts?: Readonly<Record<string, object>> | undefined;
  /** `NAME=value`, in order. */
  readonly Env?: readonly string[] | undefined;
  readonly Entrypoint?: readonly string[] | undefined;
  readonly Cmd?: readonly string[] | undefined;
  /** Folders that hold what outlives a container, as keys: `/var/lib/data`. */
  readonly Volumes?: Readonly<Record<string, object>> | undefined;
  readonly WorkingDir?: string | undefined;
  readonly Labels?: Readonly<Record<string, string>> | undefined;
  /** Ends the container: `SIGTERM`, `15`. */
  readonly StopSignal?: string | undefined;
  /** Windows: the command line stands in `Entrypoint` or `Cmd` as one text that is escaped already. */
  readonly ArgsEscaped?: boolean | undefined;
  /** Docker's; not of OCI. */
  readonly Healthcheck?: Healthcheck | undefined;
  /** Docker's; not of OCI: steps for builds on top of this image. */
  readonly OnBuild?: readonly string[] | undefined;
  /** Docker's; not of OCI: what runs the commands that are one text. */
  readonly Shell?: readonly string[] | undefined;
}

const configNames = namesOf([
  ...['User', 'ExposedPorts', 'Env', 'Entrypoint', 'Cmd', 'Volumes', 'WorkingDir', 'Labels', 'StopSignal'],
  ...['ArgsEscaped', 'Healthcheck', 'OnBuild', 'Shell'],
]);
const durations = ['Interval', 'Timeout', 'StartPeriod', 'StartInterval', 'Retries'] as const;
const checkNames = namesOf(['Test', ...durations]);

/** Reads the member `key` of a config; letter case does not matter within it, as for Go. */
export function readRuntimeConfig(config: Fields, key: string): RuntimeConfig {
  const found = readOptionalObject(config, key);
  if (found === undefined) return Object.freeze({});
  const fields = inAnyCase(found, configNames);
  const read: RuntimeConfig = {
    User: readOptionalString(fields, 'User'),
    ExposedPorts: readKeys(fields, 'ExposedPorts'),
    Env: readOptionalStrings(fields, 'Env'),
    Entrypoint: readCommand(fields, 'Entrypoint'),
    Cmd: readCommand(fields, 'Cmd'),
    Volumes: readKeys(fields, 'Volumes'),
    WorkingDir: readOptionalString(fields, 'WorkingDir'),
    Labels: readOptionalStringMap(fields, 'Labels'),
    StopSignal: readOptionalString(fields, 'StopSignal'),
    ArgsEscaped: readOptionalBoolean(fields, 'ArgsEscaped'),
    Healthcheck: readHealthcheck(fields, 'Healthcheck'),
    OnBuild: readOptionalStrings(fields, 'OnBuild'),
    Shell: readOptionalStrings(fields, 'Shell'),
  };
  return withoutGaps(read);
}

/** Docker takes one text for a list of one, in configs of before 2015. */
function readCommand(fields: Fields, key: string): readonly string[] | undefined {
  const value = fields.values[key];
  return typeof value === 'string' ? Object.freeze([value]) : readOptionalStrings(fields, key);
}

/** A set as Go writes it: an object whose values say nothing. */
function readKeys(fields: Fields, key: string): Readonly<Record<string, object>> | undefined {
  const found = readOptionalObject(fields, key);
  if (found === undefined) return undefined;
  return Object.freeze(Object.fromEntries(Object.keys(found.values).map((name) => [name, Object.freeze({})])));
}

function readHealthcheck(fields: Fields, key: string): Healthcheck | undefined {
  const found = readOptionalObject(fields, key);
  if (found === undefined) return undefined;
  const check = inAnyCase(found, checkNames);
  const numbers = durations.map((name) => [name, readOptionalNumber(check, name)]);
  return withoutGaps<Healthcheck>({ Test: readOptionalStrings(check, 'Test'), ...Object.fromEntries(numbers) });
}

function readOptionalNumber(fields: Fields, key: string): number | undefined {
  if (!has(fields, key)) return undefined;
  const value = fields.values[key];
  return typeof value === 'number' ? value : fail(fields, key, `expected a number, got ${describe(value)}`);
}

/** Without the members that are undefined, so that it prints and compares as the config does. */
function withoutGaps<T extends object>(value: T): T {
  return Object.freeze(Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T);
}

import {
  aBoolean,
  anObject,
  aPlainObject,
  aString,
  assertArgument,
  assertOptions,
  aText,
  either,
  type Kind,
  kind,
  listOf,
} from '@slipway/arguments';
import type { Digest } from '@slipway/digest';
import { encodeGoJSON, type HistoryEntry, type Platform, sortedMap } from '@slipway/manifest';
import { inAnyCase, objectOf, parseJson } from '../documents.ts';

/**
 * What containers are started with, in the config's own spelling. What is left out stays as the base has it; null, of a
 * member or within one, takes it away.
 *
 * @see https://github.com/opencontainers/image-spec/blob/v1.1.1/config.md#properties
 */
export interface ConfigChanges {
  /** Added to the base's, or put in the place of a variable of the same name. */
  readonly Env?: readonly string[] | Readonly<Record<string, string | null>> | null | undefined;
  /** Without it, a new `Entrypoint` takes away the base's. */
  readonly Cmd?: readonly string[] | null | undefined;
  readonly Entrypoint?: readonly string[] | null | undefined;
  readonly User?: string | null | undefined;
  readonly WorkingDir?: string | null | undefined;
  /** Added to the base's. */
  readonly Labels?: Readonly<Record<string, string | null>> | null | undefined;
  /** Added to the base's: `8080`, `53/udp`. */
  readonly ExposedPorts?: readonly (string | number)[] | Readonly<Record<string, object | null>> | null | undefined;
  /** Added to the base's. */
  readonly Volumes?: readonly string[] | Readonly<Record<string, object | null>> | null | undefined;
  readonly StopSignal?: string | null | undefined;
  /** Docker's own: `{ Test: ['CMD', 'curl', …], Interval: nanoseconds, … }`. */
  readonly Healthcheck?: Readonly<Record<string, unknown>> | null | undefined;
  /** Docker's own: what a shell form is run with. */
  readonly Shell?: readonly string[] | null | undefined;
}

const orNull = (one: Kind): Kind =>
  either(
    one,
    kind('null', (value) => value === null),
  );
const recordOf = (one: Kind): Kind =>
  kind(
    `an object, each member ${one.name}`,
    (value) => aPlainObject.is(value) && Object.values(value as object).every(one.is),
  );
const aVariable = kind('NAME=value', (value) => typeof value === 'string' && value.indexOf('=') > 0);
const aPort = kind('a port such as 8080 or "53/udp"', (value) => portOf(value) !== undefined);
const aCommand = kind('an array of strings, one for each argument', listOf(aString).is);
const aPortRecord = kind('an object with ports as names', (value) => {
  return recordOf(orNull(anObject)).is(value) && Object.keys(value as object).every(aPort.is);
});

const members: Readonly<Record<keyof ConfigChanges, Kind>> = {
  Env: orNull(either(listOf(aVariable), recordOf(orNull(aString)))),
  Cmd: orNull(aCommand),
  Entrypoint: orNull(aCommand),
  User: orNull(aString),
  WorkingDir: orNull(aString),
  Labels: orNull(recordOf(orNull(aString))),
  ExposedPorts: orNull(either(listOf(aPort), aPortRecord)),
  Volumes: orNull(either(listOf(aText), recordOf(orNull(anObject)))),
  StopSignal: orNull(aString),
  Healthcheck: orNull(anObject),
  Shell: orNull(aCommand),
};

/** @throws {ArgumentError} `ERR_ARGUMENT` for what a config cannot say */
export function assertConfigChanges(argument: string, changes: ConfigChanges | undefined): void {
  assertOptions(argument, changes, { optional: members });
  const { Env } = changes ?? {};
  if (Env === null || Env === undefined || Array.isArray(Env)) return;
  for (const name of Object.keys(Env))
    assertArgument(`${argument}.Env, the name ${JSON.stringify(name)}`, name, aVariableName);
}

const aVariableName = kind('a name without "="', (value) => aText.is(value) && !String(value).includes('='));
/** One step of an image's history. */
export const aHistoryEntry: Kind = kind('a history entry', (value) => {
  if (!anObject.is(value)) return false;
  const { created, created_by, author, comment, empty_layer } = value as Readonly<Record<string, unknown>>;
  return (
    [created, created_by, author, comment].every((text) => text === undefined || aString.is(text)) &&
    (empty_layer === undefined || aBoolean.is(empty_layer))
  );
});

export interface ImageConfigOptions {
  /** Of the base; undefined for an image from scratch. */
  readonly base: Uint8Array | undefined;
  /** Set where the base does not say it. */
  readonly platform: Platform | undefined;
  readonly changes: ConfigChanges;
  /** RFC 3339. */
  readonly created: string;
  readonly author: string | undefined;
  /** Of the layers on top of the base, base first. */
  readonly diffIDs: readonly Digest[];
  /** Of the steps on top of the base, oldest first. */
  readonly history: readonly HistoryEntry[];
}

/** What a base's config says of how the base was built: it would be wrong of an image with more layers. */
const ofTheBuild = ['container', 'container_config', 'docker_version', 'id', 'parent', 'moby.buildkit.'];
const topMembers = 'created author architecture variant os os.version os.features config rootfs history'.split(' ');
const configMembers = [
  'User',
  'ExposedPorts',
  'Env',
  'Entrypoint',
  'Cmd',
  'Volumes',
  'WorkingDir',
  'Labels',
  'StopSignal',
  'Healthcheck',
  'Shell',
  'ArgsEscaped',
];

type Members = Readonly<Record<string, unknown>>;

/**
 * The config of an image on top of its base, to the byte the same on every machine. Members that nothing is said of
 * stay.
 *
 * @throws {SourceError} `ERR_SOURCE_INVALID` when the base's is malformed
 */
export function imageConfig(options: ImageConfigOptions): Uint8Array {
  const { base, platform, changes, created, author, diffIDs } = options;
  const label = "the base's config";
  const document = base === undefined ? {} : inAnyCase(objectOf(parseJson(base, label), label), topMembers).fields;
  const kept = Object.fromEntries(Object.entries(document).filter(([name]) => !isOfTheBuild(name)));
  const given = objectOf(document['config'] ?? {}, `${label}: config`);
  const rootfs = inAnyCase(objectOf(document['rootfs'] ?? {}, `${label}: rootfs`), ['type', 'diff_ids']).fields;
  const ordered: Members = {
    created,
    author: author ?? kept['author'],
    architecture: kept['architecture'] || platform?.architecture,
    variant: kept['variant'] || platform?.variant,
    os: kept['os'] || platform?.os,
    'os.version': kept['os.version'] || platform?.['os.version'],
    'os.features': kept['os.features'] ?? platform?.['os.features'],
    config: changedConfig(inAnyCase(given, configMembers).fields, changes),
    rootfs: { type: rootfs['type'] ?? 'layers', diff_ids: [...listOr(rootfs['diff_ids']), ...diffIDs] },
    history: historyOf(document, rootfs, options),
  };
  return new TextEncoder().encode(encodeGoJSON({ ...ordered, ...without(kept, Object.keys(ordered)) }));
}

/**
 * A history that does not fit the base's layers is left as it is: readers that pair both would give the new steps to
 * other layers.
 */
function historyOf(
  document: Members,
  rootfs: Members,
  { base, history }: ImageConfigOptions,
): readonly unknown[] | undefined {
  const old = listOr(document['history']);
  const made = old.filter((entry) => anObject.is(entry) && (entry as HistoryEntry).empty_layer !== true).length;
  const fits = base === undefined || made === listOr(rootfs['diff_ids']).length;
  if (!fits) return old.length === 0 ? undefined : old;
  return [...old, ...history].map((entry) => (anObject.is(entry) ? { ...(entry as object) } : entry));
}

function changedConfig(base: Members, changes: ConfigChanges): Members {
  const { Env, Cmd, Entrypoint, Labels, ExposedPorts, Volumes, ...plain } = changes;
  const result: Record<string, unknown> = { ...base };
  const set = (name: string, value: unknown): void => {
    if (value === undefined) return;
    if (value === null) delete result[name];
    else result[name] = value;
  };
  for (const name of ['User', 'WorkingDir', 'StopSignal', 'Healthcheck', 'Shell'] as const) set(name, plain[name]);
  set('Env', Env && mergedEnv(listOr(base['Env']), Env));
  if (Env === null) set('Env', null);
  set('Entrypoint', Entrypoint);
  set('Cmd', Cmd === undefined && Entrypoint !== undefined ? null : Cmd);
  if (Cmd !== undefined || Entrypoint !== undefined) set('ArgsEscaped', null);
  set('Labels', merged(base['Labels'], Labels));
  set('ExposedPorts', merged(base['ExposedPorts'], ExposedPorts && portRecord(ExposedPorts)));
  set('Volumes', merged(base['Volumes'], Volumes && recordFrom(Volumes)));
  const known = configMembers.filter((name) => result[name] !== undefined);
  return {
    ...Object.fromEntries(known.map((name) => [name, inGoOrder(name, result[name])])),
    ...without(result, known),
  };
}

/** Go sorts the members of these; JavaScript puts those that look like numbers first. */
function inGoOrder(name: string, value: unknown): unknown {
  const isMap = name === 'Labels' || name === 'ExposedPorts' || name === 'Volumes';
  return isMap && anObject.is(value) ? sortedMap(value as Members) : value;
}

function merged(base: unknown, added: Readonly<Record<string, unknown>> | null | undefined): unknown {
  if (added === undefined || added === null) return added;
  const all = { ...(anObject.is(base) ? (base as Members) : {}), ...added };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
}

function mergedEnv(base: readonly unknown[], added: NonNullable<ConfigChanges['Env']>): readonly string[] {
  const all = new Map<string, string>();
  for (const variable of base) if (typeof variable === 'string') all.set(variable.split('=', 1)[0] ?? '', variable);
  const isList = Array.isArray as (value: unknown) => value is readonly string[];
  const entries: readonly (readonly [string, string | null])[] = isList(added)
    ? added.map((variable) => [variable.slice(0, variable.indexOf('=')), variable.slice(variable.indexOf('=') + 1)])
    : Object.entries(added);
  for (const [name, value] of entries) {
    if (value === null) all.delete(name);
    else all.set(name, `${name}=${value}`);
  }
  return [...all.values()];
}

function portRecord(ports: NonNullable<ConfigChanges['ExposedPorts']>): Members {
  const isList = Array.isArray as (value: unknown) => value is readonly (string | number)[];
  if (isList(ports)) return Object.fromEntries(ports.map((port) => [portOf(port) ?? '', {}]));
  return Object.fromEntries(Object.entries(ports).map(([port, value]) => [portOf(port) ?? '', value]));
}

function recordFrom(names: NonNullable<ConfigChanges['Volumes']>): Members {
  const isList = Array.isArray as (value: unknown) => value is readonly string[];
  return isList(names) ? Object.fromEntries(names.map((name) => [name, {}])) : names;
}

/** `8080/tcp`; undefined for what is no port. */
function portOf(value: unknown): string | undefined {
  const [, range, protocol = 'tcp'] = /^(\d{1,5}(?:-\d{1,5})?)(?:\/(tcp|udp|sctp))?$/.exec(String(value)) ?? [];
  const isPort = range?.split('-').every((port) => Number(port) > 0 && Number(port) <= 65_535);
  return isPort === true && (typeof value === 'string' || typeof value === 'number')
    ? `${range}/${protocol}`
    : undefined;
}

function isOfTheBuild(name: string): boolean {
  return ofTheBuild.some((one) => (one.endsWith('.') ? name.startsWith(one) : name.toLowerCase() === one));
}

function without(members: Members, names: readonly string[]): Members {
  return Object.fromEntries(Object.entries(members).filter(([name]) => !names.includes(name)));
}

function listOr(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

import {
  aDate,
  aFunction,
  anObject,
  aString,
  assertOptions,
  aText,
  either,
  type Kind,
  kind,
  listOf,
  oneOf,
  unexpected,
} from '@slipway/arguments';
import { entryName } from './layer-entry.ts';

/** Whom entries belong to, by number: names of users differ from image to image. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Paths relative to the folder, with `/` between names: glob patterns (`*.{map,ts}`, `cache/**`, also of names that
 * begin with a dot), or a function. What is said of a folder is said of everything in it.
 */
export type PathFilter = readonly string[] | ((path: string) => boolean);

/** How the files of a layer are written. */
export interface LayerOptions {
  /**
   * The folder of the image that they go into; of a single file, its name, or with `/` at the end the folder.
   * @default /
   */
  readonly to?: string | undefined;
  /** `1000:1000`, or `keep` for the owner on this machine. @default 0:0 */
  readonly owner?: Owner | string | undefined;
  /**
   * Last modification, in whole seconds; `keep` for that on this machine.
   * @default the `time` of the image: 1970-01-01
   */
  readonly mtime?: Date | 'keep' | undefined;
  /**
   * `keep` for the modes on this machine; `plain` for 0755 where the owner may execute, and for folders, and 0644
   * elsewhere, whatever the umask of a checkout; a number for all files, folders being open to whoever may read them.
   * @default keep
   */
  readonly mode?: 'keep' | 'plain' | number | undefined;
  /** Nothing else goes into the layer. @default everything does */
  readonly include?: PathFilter | undefined;
  /** Left out, after `include`. @default nothing */
  readonly exclude?: PathFilter | undefined;
  /** Files that are one file on this machine: `keep` them so, or `copy` each. @default keep */
  readonly hardLinks?: 'keep' | 'copy' | undefined;
  /**
   * Paths of the image that the layers below have, and this one deletes: `/etc/motd`; `/var/cache/` for all that is in
   * a folder.
   * @default none
   */
  readonly remove?: readonly string[] | undefined;
  /** What the image's history says made the layer. @default slipway */
  readonly createdBy?: string | undefined;
  /** A remark in the image's history. @default none */
  readonly comment?: string | undefined;
}

/** {@link LayerOptions} after the defaults, all but the time. */
export interface ResolvedLayerOptions {
  /** As a name in a tar: empty for the root. */
  readonly to: string;
  /** Whether `to` is a folder, also for a single file. */
  readonly isFolder: boolean;
  readonly owner: Owner | 'keep';
  readonly mtime: Date | 'keep' | undefined;
  readonly mode: 'keep' | 'plain' | number;
  readonly include: PathFilter | undefined;
  readonly exclude: PathFilter | undefined;
  readonly hardLinks: 'keep' | 'copy';
  readonly remove: readonly string[];
}

/** Permission bits, with setuid, setgid and sticky. */
export const aMode: Kind = kind('a mode from 0 to 0o7777', (value) => isIntegerTo(value, 0o7777));
const anOwner = kind('an owner { uid, gid }, "uid:gid" or "keep"', (value) => parseOwner(value) !== undefined);
/** What a tar can write without extensions: up to the year 2242. */
export const aTime: Kind = kind('a Date from 1970 to 2242', (value) => aDate.is(value) && isTime(value as Date));
const aFilter = either(listOf(aText), aFunction);

const optional: Readonly<Record<keyof LayerOptions, Kind>> = {
  to: aString,
  owner: anOwner,
  mtime: either(aTime, oneOf('keep')),
  mode: either(aMode, oneOf('keep', 'plain')),
  include: aFilter,
  exclude: aFilter,
  hardLinks: oneOf('keep', 'copy'),
  remove: listOf(aText),
  createdBy: aString,
  comment: aString,
};

/** The only place where defaults of {@link LayerOptions} are applied. @throws {ArgumentError} `ERR_ARGUMENT` */
export function resolveLayerOptions(options: LayerOptions = {}): ResolvedLayerOptions {
  assertOptions('options', options, { optional });
  const to = options.to ?? '/';
  return {
    to: entryName(to),
    isFolder: to === '' || to.endsWith('/'),
    owner: parseOwner(options.owner ?? '0:0') ?? 'keep',
    mtime: options.mtime,
    mode: options.mode ?? 'keep',
    include: options.include,
    exclude: options.exclude,
    hardLinks: options.hardLinks ?? 'keep',
    remove: options.remove ?? [],
  };
}

/** A tar goes as it is: an option that would change it is a mistake. @throws {ArgumentError} `ERR_ARGUMENT` */
export function assertTarOptions(options: LayerOptions): void {
  assertOptions('options', options, { optional });
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || name === 'createdBy' || name === 'comment') continue;
    throw unexpected(`options.${name}`, 'left out, as a tar goes as it is', value);
  }
}

function parseOwner(value: unknown): Owner | 'keep' | undefined {
  if (value === 'keep') return value;
  if (typeof value === 'string') {
    const [, uid, gid] = /^(\d{1,10}):(\d{1,10})$/.exec(value) ?? [];
    return uid === undefined ? undefined : parseOwner({ uid: Number(uid), gid: Number(gid) });
  }
  if (!anObject.is(value)) return undefined;
  const { uid, gid } = value as Owner;
  return isIntegerTo(uid, 0xffff_fffe) && isIntegerTo(gid, 0xffff_fffe) ? { uid, gid } : undefined;
}

function isIntegerTo(value: unknown, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= most;
}

function isTime(date: Date): boolean {
  return date.getTime() >= 0 && date.getTime() / 1000 <= 0o77777777777;
}

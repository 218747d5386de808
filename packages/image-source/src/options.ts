import { ArgumentRangeError, anything, assertOptions, type Kind } from '@slipway/arguments';
import { invalidSource } from './errors.ts';

/** Told of each positional read before it happens: for tests and measurements. */
export type ReadHook = (read: { readonly position: number; readonly length: number }) => void;

/** What is refused for its sheer amount before memory or time is spent on it. */
export interface SourceLimits {
  /** Entries of one archive, extension headers not counted. @default 1000000 */
  readonly maxEntries?: number | undefined;
  /** Bytes of one pax or GNU extension header. @default 1048576 */
  readonly maxExtensionBytes?: number | undefined;
  /** Bytes of one name inside an archive. @default 4096 */
  readonly maxNameBytes?: number | undefined;
  /** Bytes of `manifest.json` or `index.json`. @default 16777216 */
  readonly maxListBytes?: number | undefined;
  /** Bytes of one config, manifest or nested index. @default 8388608 */
  readonly maxDocumentBytes?: number | undefined;
  /**
   * Bytes of all configs, manifests and nested indexes of one source, which are held in memory while it is open.
   * @default 268435456
   */
  readonly maxMetadataBytes?: number | undefined;
  /** Indexes within indexes, `index.json` not counted. @default 8 */
  readonly maxIndexDepth?: number | undefined;
  /**
   * Images of a docker archive; manifests reached from `index.json`, each counted as often as it is listed.
   * @default 100000
   */
  readonly maxManifests?: number | undefined;
  /** Bytes written to the disk for one compressed archive or one standard input. @default 1099511627776 (1 TiB) */
  readonly maxSpoolBytes?: number | undefined;
  /** Plain bytes per compressed byte of an archive, looked at beyond 4 GiB: real images are far below. @default 250 */
  readonly maxSpoolRatio?: number | undefined;
}

/** {@link SourceLimits} after the defaults. */
export type ResolvedSourceLimits = { readonly [name in keyof SourceLimits]-?: number };

/** What applies where the caller says nothing. */
export const sourceLimitDefaults: ResolvedSourceLimits = Object.freeze({
  maxEntries: 1_000_000,
  maxExtensionBytes: 1024 * 1024,
  maxNameBytes: 4096,
  maxListBytes: 16 * 1024 * 1024,
  maxDocumentBytes: 8 * 1024 * 1024,
  maxMetadataBytes: 256 * 1024 * 1024,
  maxIndexDepth: 8,
  maxManifests: 100_000,
  maxSpoolBytes: 1024 ** 4,
  maxSpoolRatio: 250,
});

/** The only place where defaults of {@link SourceLimits} are applied. */
export function resolveSourceLimits(limits: SourceLimits = {}): ResolvedSourceLimits {
  const known = Object.fromEntries(Object.keys(sourceLimitDefaults).map((name) => [name, anything]));
  assertOptions('limits', limits, { optional: known as Readonly<Record<keyof SourceLimits, Kind>> });
  const resolved = { ...sourceLimitDefaults };
  for (const name of Object.keys(sourceLimitDefaults) as (keyof SourceLimits)[]) {
    const value = limits[name];
    if (value === undefined) continue;
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new ArgumentRangeError(name, `Expected \`${name}\` to be a positive integer, got ${value}`);
    }
    resolved[name] = value;
  }
  return Object.freeze(resolved);
}

/** What is left of {@link SourceLimits.maxMetadataBytes} while a source is opened. */
export class Allowance {
  readonly #limit: number;
  #taken = 0;

  constructor({ maxMetadataBytes }: ResolvedSourceLimits) {
    this.#limit = maxMetadataBytes;
  }

  /**
   * @throws {SourceError} `ERR_SOURCE_INVALID` when `name` has more configs and manifests than may be held in memory.
   */
  take(bytes: number, name: string): void {
    this.#taken += bytes;
    if (this.#taken <= this.#limit) return;
    throw invalidSource(`${JSON.stringify(name)} has more than ${this.#limit} bytes of configs and manifests`);
  }
}

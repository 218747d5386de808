import type { DeliveryOptions } from '@slipway/client';
import { layerKinds } from '@slipway/client/options';
import type { LayerKind, PushFormat, PushLearn, PushOptions, PushProtocol, PushVerify } from '@slipway/push';
import type { ServerConfig } from '../config/server-config.ts';
import { RequestError } from '../errors.ts';

/**
 * How something shall be pushed: the options of a push, under their usual names, that a job or a docker client may
 * choose.
 */
export interface PushSettings {
  readonly format?: NonNullable<PushOptions['format']> | undefined;
  readonly protocol?: PushProtocol | undefined;
  /** Whether a registry that refuses a Docker manifest gets a signed schema 1 manifest in its place. */
  readonly schema1Fallback?: boolean | undefined;
  /** One kind of layers, or several with commas between: `gzip,zstd`. */
  readonly compression?: string | undefined;
  readonly recompress?: boolean | undefined;
  readonly verify?: PushVerify | undefined;
  readonly learn?: PushLearn | undefined;
  readonly learnFrom?: string | undefined;
  readonly force?: boolean | undefined;
}

export const formats: readonly NonNullable<PushSettings['format']>[] = [
  'keep',
  'docker',
  'oci',
  'schema1',
  'schema1-2015',
  'v1',
];
export const protocols: readonly PushProtocol[] = ['v2', 'auto', 'v1'];

const oneKind = `(?:${layerKinds.join('|')})`;

/**
 * JSON Schemas of {@link PushSettings}, for documents, for what URLs and headers say, and for the API's description.
 */
export const pushSettingSchemas: {
  readonly [Name in keyof Required<PushSettings>]: Readonly<Record<string, unknown>>;
} = {
  format: {
    enum: formats,
    default: 'keep' satisfies PushFormat,
    description: 'Kind of the manifests that are pushed; schema1, schema1-2015 and v1 are for registries of old.',
  },
  protocol: {
    enum: protocols,
    default: 'v2',
    description: 'v1 for registries of before 2015; auto: v1 where the registry has not shown to speak v2.',
  },
  schema1Fallback: {
    type: 'boolean',
    default: false,
    description: 'Push signed schema 1 where the registry refuses a Docker manifest.',
  },
  compression: {
    type: 'string',
    pattern: `^(?:keep|${oneKind}(?:,${oneKind})*)$`,
    default: 'keep',
    description:
      `How layers are compressed: keep, or one or more of ${layerKinds.join(', ')}, with commas between. ` +
      'Several push one index that has each image in each.',
  },
  recompress: {
    type: 'boolean',
    default: false,
    description: 'Compress layers anew that have the wanted form already.',
  },
  verify: {
    enum: ['digest', 'diffid'],
    default: 'digest',
    description: 'What layers that carry a digest are compared with: that digest, or also, unpacked, the diffID.',
  },
  learn: {
    enum: ['prove', 'verify', 'trust', 'off'],
    default: 'prove',
    description: 'What becomes of what the destination’s images say of the layers.',
  },
  learnFrom: {
    type: 'string',
    maxLength: 256,
    description: 'A further tag or digest of the destination repository to learn layers from.',
  },
  force: {
    type: 'boolean',
    default: false,
    description: 'Ask and send everything again, whatever the registry says it has.',
  },
};

/** What the daemon does where nobody chooses. */
export type PushDefaults = Pick<ServerConfig, 'format' | 'protocol' | 'schema1Fallback' | 'compressionLevel'>;

/** The options of a push: what was chosen for it, then what the daemon was started with. */
export function pushOptionsOf(settings: PushSettings, defaults: PushDefaults): DeliveryOptions {
  const { schema1Fallback = defaults.schema1Fallback, ...rest } = settings;
  // Whoever chooses a protocol does not mean the format that the daemon has for those who choose nothing.
  const format = settings.format ?? (settings.protocol === undefined ? defaults.format : 'keep');
  const protocol = settings.protocol ?? (isOlderFormat(format) ? 'v2' : defaults.protocol);
  const kinds = kindsOf(settings);
  const compression = kinds.length === 0 ? 'keep' : kinds;
  // The daemon's level is one of gzip: zstd, and gzip that goes along with it, has its own.
  const hasZstd = kinds.some((kind) => kind.startsWith('zstd'));
  const compressionLevel = hasZstd || kinds.includes('none') ? undefined : defaults.compressionLevel;
  return { ...rest, compression, format, protocol, requireSchema2: !schema1Fallback, compressionLevel };
}

/**
 * Refuses settings that do not fit together, as the program does.
 *
 * @throws {RequestError} 400
 */
export function assertPushSettings(settings: PushSettings): void {
  const { format = 'keep', protocol, learn, learnFrom } = settings;
  const kinds = kindsOf(settings);
  const isOld = isOlderFormat(format) || protocol === 'v1';
  if (isOld && kinds.some((kind) => kind !== 'gzip')) {
    throw new RequestError(400, 'invalid request: registries of that age know gzip layers only');
  }
  if (protocol === 'v1' && format !== 'keep' && format !== 'v1') {
    throw new RequestError(400, `invalid request: protocol v1 excludes format ${format}`);
  }
  if (format === 'v1' && protocol === 'v2')
    throw new RequestError(400, 'invalid request: protocol v2 excludes format v1');
  const unfit = kinds.find((kind) => kind === 'estargz' || kind.startsWith('zstd'));
  if (format === 'docker' && unfit !== undefined) {
    throw new RequestError(400, `invalid request: format docker cannot hold ${unfit} layers`);
  }
  if (format === 'docker' && kinds.length > 1) {
    throw new RequestError(400, 'invalid request: format docker cannot tell layers of several kinds apart');
  }
  if (learn === 'off' && learnFrom !== undefined) {
    throw new RequestError(400, 'invalid request: learn off excludes learnFrom');
  }
}

/** None for what is kept. */
function kindsOf({ compression = 'keep' }: PushSettings): readonly LayerKind[] {
  const asked = compression.split(',');
  return layerKinds.filter((kind) => asked.includes(kind));
}

function isOlderFormat(format: PushSettings['format']): boolean {
  return format === 'schema1' || format === 'schema1-2015' || format === 'v1';
}

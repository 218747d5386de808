import type { OptionName, OptionValues } from './option-values.ts';
import {
  aPlatform,
  aSwitch,
  aText,
  byteRate,
  choiceOf,
  duration,
  layerForms,
  nondistributable,
  pointInTime,
  type ValueKind,
  wholeNumber,
} from './value-kinds.ts';

/**
 * Where an option can be set: `slipway push`, a client or its `push`, the daemon's settings, a job that is submitted to
 * it, and a push of a docker client through it.
 */
export type Face = 'cli' | 'client' | 'push' | 'daemon' | 'job' | 'docker';

/** One option of a push: the same name, meaning and default wherever it can be set. */
export interface OptionEntry<T = unknown> {
  /** One sentence, without a capital and a full stop. */
  readonly description: string;
  readonly kind: ValueKind<T>;
  /** The part of the help of `slipway push` that says more. */
  readonly section?: string | undefined;
  /** What holds when nobody sets it. @default nothing is set */
  readonly initial?: T | undefined;
  readonly faces: readonly Face[];
  /** One letter that stands for it on a command line. */
  readonly short?: string | undefined;
  /** What help calls the value. A switch has none. */
  readonly placeholder?: string | undefined;
  /** What else its help says of the default, where that is no plain value. */
  readonly defaultText?: string | undefined;
  /** It is on, and its flag, `--no-…`, turns it off. @default false */
  readonly isOn?: boolean | undefined;
}

const aPush: readonly Face[] = ['cli', 'push'];
const aPushAndJob: readonly Face[] = ['cli', 'push', 'job'];
const everyPush: readonly Face[] = ['cli', 'push', 'job', 'docker'];
const aPushEverywhere: readonly Face[] = ['cli', 'push', 'daemon', 'job', 'docker'];
const aClient: readonly Face[] = ['cli', 'client'];
const aClientAndPushes: readonly Face[] = ['cli', 'client', 'job', 'docker'];
const aClientAndDaemon: readonly Face[] = ['cli', 'client', 'daemon'];
const onlyCli: readonly Face[] = ['cli'];

/**
 * Every option of a push by its name in TypeScript and JSON; flags and settings have it in kebab-case. In the order of
 * the help.
 */
export const optionTable: { readonly [Name in OptionName]: OptionEntry<OptionValues[Name]> } = Object.freeze({
  allTags: {
    description: 'push every tag of the source; destinations are repositories then',
    section: '--all-tags',
    kind: aSwitch,
    faces: aPushAndJob,
    short: 'a',
  },
  into: {
    description: 'with --all-tags: also push tags that the source has of other repositories',
    kind: aSwitch,
    faces: aPushAndJob,
  },
  tags: {
    description: 'with --all-tags: only tags that match, such as "v1.*"',
    kind: aText,
    faces: aPushAndJob,
    placeholder: '<pattern>',
  },
  newerThan: {
    description: 'with --all-tags: only images made after a date or so long ago: 2026-01-31, 30d',
    kind: pointInTime,
    faces: aPushAndJob,
    placeholder: '<when>',
  },
  platform: {
    description: 'push one platform of an image for several, such as linux/arm64',
    kind: aPlatform,
    faces: aPushAndJob,
    placeholder: '<os/arch>',
  },
  referrers: {
    description: 'also push what refers to the image: signatures, SBOMs, attestations',
    kind: aSwitch,
    faces: aPushAndJob,
  },
  format: {
    description: 'manifest format: as in the source, or converted',
    kind: choiceOf('keep', 'docker', 'oci', 'schema1', 'schema1-2015', 'v1'),
    initial: 'keep',
    faces: aPushEverywhere,
    placeholder: '<format>',
  },
  protocol: {
    description: 'v2, v1 for registries of before 2015, or auto: detect',
    kind: choiceOf('v2', 'auto', 'v1'),
    initial: 'v2',
    faces: aPushEverywhere,
    placeholder: '<protocol>',
  },
  compression: {
    description: 'of layers: as in the source, or one or more of these',
    section: 'Layers',
    kind: layerForms,
    initial: 'keep',
    faces: everyPush,
    placeholder: '<kind,...>',
  },
  recompress: {
    description: 'with --compression: make layers anew that are of that kind already',
    kind: aSwitch,
    faces: everyPush,
  },
  compressionLevel: {
    description: 'effort of compression: gzip 1 to 9, zstd 1 to 19',
    kind: wholeNumber(1, 19),
    faces: aPushEverywhere,
    placeholder: '<n>',
  },
  compressor: {
    description:
      'what makes gzip: deflate (fast, the same bytes everywhere; the default), fflate (slow, the same bytes ' +
      'everywhere) or zlib (that of this machine’s runtime: another one makes other bytes)',
    kind: choiceOf('deflate', 'zlib', 'fflate'),
    faces: everyPush,
    placeholder: '<which>',
  },
  verify: {
    description: 'how to check layers that carry a digest: by that digest, or also unpacked, against the diffID',
    kind: choiceOf('digest', 'diffid'),
    initial: 'digest',
    faces: everyPush,
    placeholder: '<what>',
  },
  concurrency: {
    description: 'transfers at once, 0 for no limit',
    kind: wholeNumber(0, 1000),
    initial: 5,
    faces: aClientAndDaemon,
    placeholder: '<n>',
  },
  limitRate: {
    description: 'send no faster than this in all: 500k, 2MiB',
    kind: byteRate,
    faces: aClientAndPushes,
    placeholder: '<bytes/s>',
  },
  maxRequestsPerSecond: {
    description: 'ask each registry no more often than this',
    kind: wholeNumber(1, 100_000),
    faces: aClientAndPushes,
    placeholder: '<n>',
  },
  retries: {
    description: 'further attempts to connect, or for a blob or manifest; counted afresh after progress',
    kind: wholeNumber(0, 1000),
    initial: 4,
    faces: ['cli', 'client', 'daemon', 'job', 'docker'],
    placeholder: '<n>',
  },
  signKey: {
    description: 'sign what is pushed, before its tag moves, with the key of this file',
    section: 'Signatures',
    kind: aText,
    faces: aPush,
    placeholder: '<file>',
  },
  signIdentity: {
    description: 'with --sign-key: what the image is signed as (default: the destination)',
    kind: aText,
    faces: aPush,
    placeholder: '<reference>',
  },
  dryRun: { description: 'say what would be sent, and change nothing', kind: aSwitch, faces: aPushAndJob },
  allowNondistributable: {
    description:
      'also upload foreign layers: to any registry, or to those of a host, host:port or address range; repeatable',
    kind: nondistributable,
    faces: aClientAndDaemon,
    placeholder: '[=registry]',
  },
  cache: {
    description: 'neither use nor fill the data folder: compressed layers, known blobs, open uploads',
    kind: aSwitch,
    initial: true,
    faces: aClient,
    isOn: true,
  },
  learn: {
    description: 'what to do with what the destination’s images say of our layers',
    section: 'Learning',
    kind: choiceOf('prove', 'verify', 'trust', 'off'),
    initial: 'prove',
    faces: everyPush,
    placeholder: '<how>',
  },
  learnFrom: {
    description: 'a further tag or digest of the destination repository to learn layers from',
    kind: aText,
    faces: everyPush,
    placeholder: '<tag>',
  },
  force: {
    description:
      'ask and send everything again, whatever the registry says it has; puts back what an image has lost, and fails ' +
      'where the registry keeps a damaged blob',
    kind: aSwitch,
    faces: everyPush,
  },
  plainHttp: {
    description: 'talk to the registry without TLS (the default for this machine’s own addresses)',
    kind: aSwitch,
    faces: aClient,
  },
  insecure: {
    description: 'accept any TLS certificate, and fall back to plain HTTP',
    kind: aSwitch,
    faces: aClient,
  },
  certDir: {
    description: 'CA (*.crt) and client certificates (*.cert, *.key) for the registry',
    kind: aText,
    faces: aClientAndDaemon,
    placeholder: '<folder>',
  },
  authfile: {
    description: 'credentials file to use instead of docker’s and podman’s',
    kind: aText,
    faces: aClient,
    placeholder: '<file>',
  },
  timeout: {
    description: 'wait so long for a connection, an answer or the next byte: 90, 90s, 2m (default: 15s for an answer)',
    kind: duration,
    faces: aClientAndPushes,
    placeholder: '<duration>',
  },
  username: {
    description: 'log in as this user, for this time only',
    kind: aText,
    faces: onlyCli,
    placeholder: '<name>',
  },
  passwordStdin: {
    description: 'read the password for --username from standard input',
    kind: aSwitch,
    faces: onlyCli,
  },
  dockerMetadata: {
    description: 'use what a Docker daemon remembers, such as /var/lib/docker/image/overlay2/distribution',
    kind: aText,
    faces: aClientAndDaemon,
    placeholder: '<folder>',
  },
  dockerMetadataWrite: {
    description: 'write what is found out into that folder, for the daemon to use',
    kind: aSwitch,
    faces: aClientAndDaemon,
  },
  dataDir: {
    description: 'where caches and stores lie (default: $SLIPWAY_DATA_DIR or the XDG data folder)',
    kind: aText,
    faces: aClientAndDaemon,
    placeholder: '<folder>',
  },
  progress: {
    description: 'how progress is shown on standard error',
    kind: choiceOf('auto', 'tty', 'plain', 'json', 'none'),
    initial: 'auto',
    faces: onlyCli,
    placeholder: '<kind>',
  },
  json: { description: 'print results as JSON, one object a destination', kind: aSwitch, faces: onlyCli },
  quiet: { description: 'print the result only', kind: aSwitch, faces: onlyCli, short: 'q' },
  digestFile: {
    description: 'write the digests there, one a line, when every destination succeeded',
    kind: aText,
    faces: onlyCli,
    placeholder: '<file>',
  },
  verbose: { description: 'print requests, and the causes of errors', kind: aSwitch, faces: onlyCli, short: 'v' },
});

/** Options that can be set at a face, with their entries, in the order of the table. */
export function optionsOf(face: Face): readonly (readonly [OptionName, OptionEntry])[] {
  const all = Object.entries(optionTable) as readonly (readonly [OptionName, OptionEntry])[];
  return all.filter(([, { faces }]) => faces.includes(face));
}

/** An option's name on a command line and among settings, without dashes before it: `compression-level`. */
export function kebabName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

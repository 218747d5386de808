import { ArgumentError } from '@slipway/arguments';
import { PushError } from './errors.ts';
import type {
  LayerKind,
  LegacyFormat,
  PushCompression,
  PushFormat,
  PushLearn,
  PushOptions,
  PushProtocol,
  PushVerify,
} from './push.ts';

/** {@link PushOptions} with every default applied. */
export interface ResolvedPushOptions extends PushOptions {
  readonly format: PushFormat | LegacyFormat;
  readonly protocol: PushProtocol;
  readonly requireSchema2: boolean;
  readonly requireSubject: boolean;
  /** Several, without repetition, are one index. */
  readonly compression: PushCompression | readonly LayerKind[];
  readonly recompress: boolean;
  readonly verify: PushVerify;
  readonly dryRun: boolean;
  readonly learn: PushLearn;
  readonly learnFrom: string | undefined;
  readonly force: boolean;
}

/** What {@link PushOptions} leaves out. */
export const pushDefaults: {
  readonly format: PushFormat;
  readonly protocol: PushProtocol;
  readonly requireSchema2: boolean;
  readonly requireSubject: boolean;
  readonly compression: PushCompression;
  readonly recompress: boolean;
  readonly verify: PushVerify;
  readonly dryRun: boolean;
  readonly learn: PushLearn;
  readonly force: boolean;
} = Object.freeze({
  format: 'keep',
  protocol: 'v2',
  requireSchema2: true,
  requireSubject: false,
  compression: 'keep',
  recompress: false,
  verify: 'digest',
  dryRun: false,
  learn: 'prove',
  force: false,
});

/** The only place where the defaults of a push are applied. */
export function resolvePushOptions(options: PushOptions = {}): ResolvedPushOptions {
  const learn = options.learn === true ? 'prove' : options.learn === false ? 'off' : options.learn;
  assertOneOf('learn', learn, ['prove', 'verify', 'trust', 'off']);
  assertOneOf('verify', options.verify, ['digest', 'diffid']);
  const compression = compressionOf(options.compression ?? pushDefaults.compression);
  const recompress = options.recompress ?? pushDefaults.recompress;
  if (recompress && compression === 'keep')
    throw new ArgumentError('compression', 'Expected `compression` beside `recompress`: gzip, say');
  assertSigning(options);
  return Object.freeze({
    ...options,
    format: options.format ?? pushDefaults.format,
    protocol: options.format === 'v1' ? 'v1' : (options.protocol ?? pushDefaults.protocol),
    requireSchema2: options.requireSchema2 ?? pushDefaults.requireSchema2,
    requireSubject: options.requireSubject ?? pushDefaults.requireSubject,
    compression,
    recompress,
    verify: options.verify ?? pushDefaults.verify,
    dryRun: options.dryRun ?? pushDefaults.dryRun,
    learn: learn ?? pushDefaults.learn,
    learnFrom: options.learnFrom,
    force: options.force ?? pushDefaults.force,
  });
}

const layerKinds: readonly LayerKind[] = ['none', 'gzip', 'zstd', 'zstd:chunked', 'estargz'];

function compressionOf(asked: PushCompression | readonly LayerKind[]): ResolvedPushOptions['compression'] {
  if (typeof asked === 'string') {
    assertOneOf('compression', asked, ['keep', ...layerKinds]);
    return asked;
  }
  const kinds = [...new Set(asked)];
  for (const kind of kinds) assertOneOf('compression', kind, layerKinds);
  const [only] = kinds;
  if (only === undefined) throw new ArgumentError('compression', 'Expected `compression` to name a form, got none');
  return kinds.length === 1 ? only : kinds;
}

/** @throws {PushError} ERR_PUSH_FORMAT */
function assertSigning({ signing, format = 'keep', protocol = 'v2' }: PushOptions): void {
  if (signing === undefined || (protocol === 'v2' && !isLegacy({ format, protocol }))) return;
  throw new PushError('ERR_PUSH_FORMAT', 'Could not plan the push: what is older than schema 2 cannot be signed', {
    op: 'plan',
    origin: 'request',
    hint: 'leave `signing` out, or `format` and `protocol`',
  });
}

/** Callers without types get an answer too. */
function assertOneOf(name: string, value: unknown, choices: readonly string[]): void {
  if (value === undefined || (typeof value === 'string' && choices.includes(value))) return;
  const got = JSON.stringify(value);
  throw new ArgumentError(name, `Expected \`${name}\` to be one of ${choices.join(', ')}, got ${got}`);
}

/** Whether what is asked for is older than schema 2, so that planning has only to see to gzip layers. */
export function isLegacy({ format, protocol }: Pick<ResolvedPushOptions, 'format' | 'protocol'>): boolean {
  return protocol === 'v1' || format === 'v1' || format === 'schema1' || format === 'schema1-2015';
}

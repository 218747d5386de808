import type { PushCompression, PushFormat, PushOptions, PushVerify } from './push.ts';

/** {@link PushOptions} with every default applied. */
export interface ResolvedPushOptions extends PushOptions {
  readonly format: PushFormat;
  readonly compression: PushCompression;
  readonly verify: PushVerify;
  readonly dryRun: boolean;
  readonly learn: boolean;
  readonly learnFrom: string | undefined;
  readonly verifyLearnt: boolean;
}

/** What {@link PushOptions} leaves out. */
export const pushDefaults: {
  readonly format: PushFormat;
  readonly compression: PushCompression;
  readonly verify: PushVerify;
  readonly dryRun: boolean;
  readonly learn: boolean;
  readonly verifyLearnt: boolean;
} = Object.freeze({
  format: 'keep',
  compression: 'keep',
  verify: 'diffid',
  dryRun: false,
  learn: true,
  verifyLearnt: false,
});

/** The only place where the defaults of a push are applied. */
export function resolvePushOptions(options: PushOptions = {}): ResolvedPushOptions {
  return Object.freeze({
    ...options,
    format: options.format ?? pushDefaults.format,
    compression: options.compression ?? pushDefaults.compression,
    verify: options.verify ?? pushDefaults.verify,
    dryRun: options.dryRun ?? pushDefaults.dryRun,
    learn: options.learn ?? pushDefaults.learn,
    learnFrom: options.learnFrom,
    verifyLearnt: options.verifyLearnt ?? pushDefaults.verifyLearnt,
  });
}

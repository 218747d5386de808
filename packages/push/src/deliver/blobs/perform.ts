import type { UploadSession } from '@slipway/registry-client';
import type { BlobToPush } from '../../plan/blob-to-push.ts';
import { assertKept } from '../../presence/assert-kept.ts';
import type { BlobAttemptOptions } from '../../presence/attempts.ts';
import { decide } from '../../presence/decide.ts';
import { tryMounts } from '../../presence/mount.ts';
import type { BlobOutcome } from '../../presence/outcome.ts';
import type { Target } from '../../presence/target.ts';
import type { Uploader } from '../../upload/uploader.ts';

export interface PerformOptions extends BlobAttemptOptions {
  readonly uploader: Uploader;
}

/**
 * Makes one blob present in a repository: decides, and does what was decided. A mount that is declined leads to the
 * next decision.
 *
 * @throws {PushError} ERR_PUSH_FAILED, with its origin
 */
export async function perform(blob: BlobToPush, target: Target, options: PerformOptions): Promise<BlobOutcome> {
  const { attempts, uploader, signal } = options;
  let leftOpen: UploadSession | undefined;
  try {
    for (;;) {
      const decision = await decide(blob, target, options);
      switch (decision.kind) {
        case 'skip':
          return { kind: 'skipped' };
        case 'exists':
          return { kind: 'existed', identity: decision.identity, learnt: decision.learnt };
        case 'mount': {
          const { candidates } = decision;
          const mount = await tryMounts(blob, target, { candidates, signal });
          attempts.mountsTried = true;
          if (mount.kind === 'declined') {
            leftOpen = mount.session;
            break;
          }
          return mount;
        }
        case 'upload': {
          const { form, mayAsk } = decision;
          const session = attempts.mountsTrusted ? leftOpen : undefined;
          if (session !== undefined) leftOpen = undefined; // the uploader's now
          const outcome = await uploader.upload(blob, form, target, { ...options, mayAsk, leftOpen: session });
          if (outcome.kind === 'pushed' && target.presence.isDoubted(outcome.identity.digest))
            await assertKept(blob, outcome.identity, target, { signal });
          return outcome;
        }
        default:
          return decision satisfies never;
      }
    }
  } finally {
    await leftOpen?.[Symbol.asyncDispose]();
  }
}

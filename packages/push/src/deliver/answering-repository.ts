import type { Repository } from '@slipway/registry-client';
import { answering } from '../answered.ts';

/** A repository that was handed in: an abort leaves what it does not answer, and no session behind. */
export function answeringRepository(repository: Repository): Repository {
  return answering(repository, {
    async beginUpload(begun) {
      if (begun.kind === 'session') await begun.session[Symbol.asyncDispose]();
    },
    async resumeUpload(session) {
      session.keep(); // it is still noted, for whoever goes on with it
      await session[Symbol.asyncDispose]();
    },
  });
}

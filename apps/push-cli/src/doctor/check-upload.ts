import { type Check, notReached, type Scene } from './check.ts';
import { repositoryWanted } from './repository-wanted.ts';

/** Whether something may be pushed: opens an upload session, as every push does, and cancels it. No byte is sent. */
export const checkUpload: Check = {
  name: 'write',
  async run(scene) {
    const { reached, target, context } = scene;
    if (reached === undefined || target === undefined) return notReached(scene);
    if (target.repository === undefined) return repositoryWanted(target);
    const repository = reached.registry.repository(target.repository);
    const begun = await repository.beginUpload({ signal: context.signal });
    if (begun.kind === 'mounted') return { status: 'ok', summary: 'uploads may be begun' };
    const { location, minChunkSize, maxChunkSize } = begun.session;
    await begun.session[Symbol.asyncDispose]();
    const cancelled = cancelStatus(scene);
    const isElsewhere = location.host !== reached.url.host;
    return {
      status: 'ok',
      summary: `an upload to ${target.repository} was begun, and ${cancelText(cancelled)}`,
      notes: [
        ...(isElsewhere ? [`uploads go to ${location.origin}`] : []),
        ...(minChunkSize === undefined ? [] : [`chunks of ${minChunkSize} bytes at least`]),
        ...(maxChunkSize === undefined ? [] : [`chunks of ${maxChunkSize} bytes at most`]),
      ],
      facts: { uploadsTo: location.origin, cancelStatus: cancelled, minChunkSize, maxChunkSize },
    };
  },
};

function cancelStatus({ requests }: Scene): number | undefined {
  return requests.findLast(({ method }) => method === 'DELETE')?.status;
}

/** Registries forget sessions that nobody continues, so that one stays open does no harm. */
function cancelText(status: number | undefined): string {
  if (status !== undefined && status < 300) return 'cancelled';
  return status === undefined
    ? 'left to expire'
    : `left to expire: the registry answered ${status} when it was cancelled`;
}

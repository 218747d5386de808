import type { Access } from '../auth/authorizer.ts';
import { isCovered, mergeScopes } from '../auth/scopes.ts';
import type { Answer } from '../http/answer/answer.ts';
import { assertNoWebPage } from '../http/answer/web-page.ts';
import type { RepositoryAt } from '../repository/repository-at.ts';
import type { BeginUploadOptions, BeginUploadResult, UploadSession } from '../repository.ts';
import { LateAbort } from './late-abort.ts';
import { createUploadSession } from './upload-session.ts';
import { isMounted, leadsToBlob } from './what-began.ts';

/** Asks for an upload session, or for a mount that may make it unnecessary. */
export async function beginUpload(at: RepositoryAt, { mount, signal }: BeginUploadOptions): Promise<BeginUploadResult> {
  const { connection, path, access } = at;
  const query = mount === undefined ? '' : `?${mountQuery(mount)}`;
  using late = new LateAbort(signal, Math.min(connection.options.timeouts.disposalMs, 200));
  const answer = await connection.send({
    method: 'POST',
    target: `${path('blobs/uploads/')}${query}`,
    access: mount?.from === undefined ? access : withPullFrom(access, mount.from),
    expect: [200, 201, 202, 204],
    onBodySent: () => late.sent(),
    signal: late.signal,
  });
  await assertNoWebPage(answer);
  if (mount !== undefined && (await isMounted(answer, mount.digest, at, { signal: late.signal }))) {
    return { kind: 'mounted', digest: mount.digest };
  }
  const location = leadsToBlob(answer) ? undefined : await connection.location(answer);
  if (location === undefined) throw answer.protocolError(noUpload(answer));
  const session = createUploadSession({ at, location, answer });
  if (signal?.aborted) {
    await session[Symbol.asyncDispose]();
    throw signal.reason;
  }
  return { kind: 'session', session };
}

/** Takes up a session by the location that somebody kept. */
export async function resumeUpload(
  at: RepositoryAt,
  location: URL,
  signal: AbortSignal | undefined,
): Promise<UploadSession> {
  signal?.throwIfAborted();
  await at.connection.assertAllowed(location);
  const session = createUploadSession({ at, location: new URL(location), answer: undefined });
  await session.refresh({ signal });
  return session;
}

function noUpload(answer: Answer): string {
  return leadsToBlob(answer) ? 'a blob where an upload session was asked for' : 'no Location for the upload session';
}

/** Keys in docker's order. */
function mountQuery({ digest, from }: NonNullable<BeginUploadOptions['mount']>): string {
  return new URLSearchParams({ ...(from !== undefined && { from }), mount: digest }).toString();
}

/** What is written to stays first: some token servers read no further. */
function withPullFrom(access: Access, from: string): Access {
  const scope = `repository:${from}:pull`;
  return isCovered(scope, access.scopes) ? access : { ...access, scopes: mergeScopes([...access.scopes, scope]) };
}

import type { EmbeddedRegistry } from '@slipway/testkit';

/** When Redis hung, in milliseconds since the epoch. */
export interface Hang {
  readonly from: number;
  readonly to: number;
}

/** An upload that has whole chunks, and that nobody went on with. */
export interface LeftUpload {
  readonly repository: string;
  /** The blob whose bytes it has. */
  readonly digest: string;
  readonly bytes: number;
  /**
   * Why nobody could: its place could not be noted or looked up while Redis did not answer, or whoever had the next
   * turn at the blob brought it to another repository.
   */
  readonly excuse: 'Redis' | 'another repository' | undefined;
}

/** A daemon hears that Redis is back a moment after it is, and looks for an upload a moment before it begins one. */
const momentMs = 2_500;

/** The uploads in chunks that were left, once all jobs have ended. */
export async function leftUploads(registry: EmbeddedRegistry, hangs: readonly Hang[]): Promise<readonly LeftUpload[]> {
  const commits = registry.requests.filter(({ kind, status }) => kind === 'upload-put' && status === 201);
  const blobs = new Map<string, Uint8Array>();
  for (const { repository, query } of commits) {
    const digest = query.get('digest') ?? '';
    const bytes = await registry.blobBytes(repository, digest);
    if (bytes !== undefined) blobs.set(digest, bytes);
  }
  const found: { digest: string; repository: string; bytes: number; from: number; to: number }[] = [];
  for (const session of registry.sessions()) {
    const requests = registry.requests.filter(({ path }) => path.endsWith(`/${session.id}`));
    const taken = requests.filter(({ kind, status }) => kind === 'upload-patch' && status >= 200 && status < 300);
    if (taken.length === 0) continue;
    const begun = Buffer.from(await session.bytes());
    const [digest] = [...blobs].find(([, bytes]) => begun.equals(bytes.subarray(0, begun.length))) ?? [''];
    const [from = 0, to = 0] = [requests[0]?.at, requests.at(-1)?.at];
    const bytes = taken.reduce((total, { requestBytes }) => total + requestBytes, 0);
    found.push({ digest, repository: session.repository, bytes, from, to });
  }
  return found.map(({ digest, repository, bytes, from, to }) => {
    const brought = commits.filter((commit) => commit.query.get('digest') === digest && commit.at > to);
    const here = brought.find((commit) => commit.repository === repository)?.at ?? Number.POSITIVE_INFINITY;
    // Each time that somebody began it anew, and so had not found this one.
    const anew = found.filter((other) => other.digest === digest && other.repository === repository && other.from > to);
    const spans = [{ from, to }, ...[...anew, { from: here }].map((begun) => ({ from: begun.from, to: begun.from }))];
    const isAway = spans.some((span) => hangs.some((hang) => hang.from <= span.to && hang.to >= span.from - momentMs));
    const isElsewhere = brought.some((commit) => commit.repository !== repository && commit.at < here);
    return { repository, digest, bytes, excuse: isAway ? 'Redis' : isElsewhere ? 'another repository' : undefined };
  });
}

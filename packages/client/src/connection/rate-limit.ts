import { setTimeout as sleep } from 'node:timers/promises';
import type { AbortOptions, ByteStream, Content } from '@slipway/digest';
import type { Repository, StreamedContent, UploadSession } from '@slipway/registry-client';
import type { V1Session } from '@slipway/registry-client/v1';
import { overlaid } from './overlaid.ts';

/** Lets bytes pass at a steady pace; everybody who shares it shares the pace. */
export interface RateLimit {
  readonly bytesPerSecond: number;
  /** Waits until `bytes` more may go. */
  take(bytes: number, options?: AbortOptions): Promise<void>;
}

export interface RateLimitClock {
  now(): number;
  sleep(milliseconds: number, options: AbortOptions): Promise<void>;
}

const systemClock: RateLimitClock = {
  now: () => performance.now(),
  async sleep(milliseconds, { signal }) {
    await sleep(milliseconds, undefined, { signal }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw error;
    });
  },
};

/** Makes a limit of so many bytes a second. Time that nobody used is not saved up. */
export function createRateLimit(bytesPerSecond: number, clock: RateLimitClock = systemClock): RateLimit {
  let freeAtMs = 0;
  return {
    bytesPerSecond,
    async take(bytes, { signal } = {}) {
      const startMs = Math.max(clock.now(), freeAtMs);
      freeAtMs = startMs + (bytes * 1000) / bytesPerSecond;
      const waitMs = startMs - clock.now();
      if (waitMs > 0) await clock.sleep(waitMs, { signal });
      signal?.throwIfAborted();
    },
  };
}

/**
 * The repository, with every upload held to the limit, in whichever shape it is sent. Manifests and questions are not.
 */
export function limitUploads(repository: Repository, limit: RateLimit): Repository {
  return overlaid(repository, {
    async beginUpload(options) {
      const begun = await repository.beginUpload(options);
      return begun.kind === 'mounted' ? begun : { ...begun, session: limitSession(begun.session, limit) };
    },
    resumeUpload: async (...args) => limitSession(await repository.resumeUpload(...args), limit),
  });
}

/** The same for a session with a v1 registry. */
export function limitV1Uploads(session: V1Session, limit: RateLimit): V1Session {
  return overlaid(session, {
    putLayer: (endpoint, id, layer, options) => session.putLayer(endpoint, id, paced(layer, limit, options), options),
  });
}

function limitSession(session: UploadSession, limit: RateLimit): UploadSession {
  return overlaid(session, {
    stream: (content, options) => session.stream({ open: pacedOpen(content, limit) }, options),
    append: (chunk, options) => session.append(pacedContent(chunk, limit), options),
    put: (content, digest, options) => session.put(pacedContent(content, limit), digest, options),
  });
}

function pacedContent(content: Content, limit: RateLimit): Content {
  return { size: content.size, open: pacedOpen(content, limit) };
}

function pacedOpen(content: StreamedContent, limit: RateLimit): StreamedContent['open'] {
  return (options) => paced(content.open(options), limit, options);
}

/** Small pieces, so that a slow pace is a trickle and not silence followed by a gush. */
async function* paced(
  body: ByteStream,
  limit: RateLimit,
  options?: AbortOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const piece = Math.min(65_536, Math.max(1_024, Math.floor(limit.bytesPerSecond / 4)));
  for await (const chunk of body) {
    for (let start = 0; start < chunk.byteLength; start += piece) {
      const part = chunk.subarray(start, start + piece);
      await limit.take(part.byteLength, { signal: options?.signal });
      yield part;
    }
  }
}

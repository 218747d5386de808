import { type Digest, isDigest } from '@slipway/digest';
import type { RegistryCore } from '../core.ts';
import type { Exchange } from '../exchange.ts';
import type { RegistryQuirks } from '../quirks.ts';
import type { Session } from '../storage/session.ts';
import { assertState, locate, locateSession } from './locations.ts';
import { Refusal } from './refusal.ts';

/** POST: begins a session, mounts a blob, or takes a whole blob at once. */
export async function startUpload(core: RegistryCore, exchange: Exchange): Promise<void> {
  const { quirks } = core.options;
  assertMayBegin(exchange, quirks);
  const mounted = await mount(core, exchange);
  if (mounted !== undefined) return await answerCreated(core, exchange, mounted);

  const digest = exchange.parameter('digest');
  if (digest !== undefined) return await takeWhole(core, exchange, digest);
  const session = await core.beginSession(exchange.route.repository);
  session.isDoomed = exchange.parameter('mount') !== undefined && quirks.mount === 'broken-session';
  await answerSession(core, exchange, session, quirks.startStatus, quirks.startRange);
}

/** PATCH: appends a stream, or a chunk that says where it belongs. */
export async function patchUpload(core: RegistryCore, exchange: Exchange): Promise<void> {
  const { quirks } = core.options;
  const type = exchange.header('content-type');
  if (quirks.patchNeedsOctetStream && type !== undefined && type !== 'application/octet-stream') {
    throw new Refusal('UNSUPPORTED', { status: 400, message: `Content-Type ${type} is not application/octet-stream` });
  }
  const session = await inSession(core, exchange, async (own) => {
    assertTakesChunk(core, exchange, own);
    await receive(core, exchange, own);
  });
  await answerSession(core, exchange, session, quirks.patchStatus);
}

/** PUT: the last bytes, if any, and the digest of everything. */
export async function putUpload(core: RegistryCore, exchange: Exchange): Promise<void> {
  const digest = exchange.parameter('digest');
  if (digest === undefined) throw new Refusal('DIGEST_INVALID', { message: 'digest parameter is missing' });
  assertDigest(digest);
  if (exchange.hasBody && core.options.quirks.putWithBody === 'not-found') throw new Refusal('BLOB_UPLOAD_UNKNOWN');
  await inSession(core, exchange, async (session) => {
    if (exchange.hasBody) {
      assertTakesChunk(core, exchange, session);
      await receive(core, exchange, session);
    }
    if (session.isDoomed) {
      await core.endSession(session);
      throw new Refusal('BLOB_UPLOAD_INVALID');
    }
    await core.commit(session, digest);
  });
  await answerCreated(core, exchange, digest, core.options.quirks.commitStatus);
}

/** GET: how far the session has come. A request whose connection broke is waited for: its bytes count. */
export async function getUpload(core: RegistryCore, exchange: Exchange): Promise<void> {
  const { sessionStatus, statusRangePrefix, statusHasLocation } = core.options.quirks;
  if (sessionStatus === 'not-found') throw new Refusal('BLOB_UPLOAD_UNKNOWN');
  const session = await inSession(core, exchange, async () => {});
  await answerSession(core, exchange, session, 204, statusRangePrefix + rangeOf(session), statusHasLocation);
}

/** DELETE: forgets the session. */
export async function deleteUpload(core: RegistryCore, exchange: Exchange): Promise<void> {
  await inSession(core, exchange, (session) => core.endSession(session));
  await exchange.answer(204, {});
}

/** Runs work on the session that the request names, when no other request is at it, and if its state is right. */
async function inSession(
  core: RegistryCore,
  exchange: Exchange,
  work: (session: Session) => Promise<void>,
): Promise<Session> {
  const session = findSession(core, exchange);
  await session.alone(async () => {
    findSession(core, exchange); // whoever was at it before may have ended it
    assertState(exchange, core.options.quirks, session);
    await work(session);
  });
  return session;
}

function assertMayBegin(exchange: Exchange, quirks: RegistryQuirks): void {
  if (quirks.postNeedsLength && exchange.header('content-length') === undefined) {
    throw new Refusal('SIZE_INVALID', { status: 411, message: 'Content-Length is required' });
  }
  const from = exchange.parameter('from');
  if (from === undefined) return;
  if (exchange.parameter('mount') === undefined && quirks.fromAloneStatus !== 202) {
    throw new Refusal('UNSUPPORTED', { status: quirks.fromAloneStatus });
  }
  if (from.split('/').length > quirks.fromMaxParts) {
    throw new Refusal('NAME_INVALID', { body: { details: 'invalid repository name' } });
  }
}

/** A POST with the whole blob. Nobody knows its session, so nothing of it is left when it fails. */
async function takeWhole(core: RegistryCore, exchange: Exchange, digest: string): Promise<void> {
  assertDigest(digest);
  const session = await core.beginSession(exchange.route.repository);
  try {
    await receive(core, exchange, session);
    await core.commit(session, digest);
  } catch (error) {
    await core.endSession(session);
    throw error;
  }
  await answerCreated(core, exchange, digest);
}

/** Mounts a blob if that was asked for and can be done. */
async function mount(core: RegistryCore, exchange: Exchange): Promise<Digest | undefined> {
  const { quirks } = core.options;
  const digest = exchange.parameter('mount');
  const from = exchange.parameter('from');
  if (digest === undefined) return undefined;
  assertDigest(digest);
  if (quirks.mount !== 'accepted') return undefined;
  const isFound =
    from === undefined
      ? quirks.anonymousMount && core.repositories.holderOf(digest) !== undefined
      : core.repositories.hasBlob(from, digest);
  if (isFound) {
    await core.repositories.addBlob(exchange.route.repository, digest);
    return digest;
  }
  if (from !== undefined && quirks.mountMissStatus !== 202)
    throw new Refusal('BLOB_UNKNOWN', { status: quirks.mountMissStatus });
  return undefined;
}

function findSession(core: RegistryCore, exchange: Exchange): Session {
  const session = core.sessions.get(exchange.route.target);
  if (session === undefined || session.repository !== exchange.route.repository) {
    throw new Refusal('BLOB_UPLOAD_UNKNOWN');
  }
  return session;
}

/** Takes the body into the session, and does what the registry does to a session whose connection breaks. */
async function receive(core: RegistryCore, exchange: Exchange, session: Session): Promise<void> {
  const { quirks, chunkMinBytes } = core.options;
  if (Number(exchange.header('content-length') ?? 0) > quirks.bodyMaxBytes) {
    throw new Refusal('SIZE_INVALID', { status: 413 });
  }
  if (session.isBroken && quirks.brokenSession === 'stuck') throw new Refusal('BLOB_UPLOAD_INVALID', { status: 416 });
  if (session.patches > 0 && quirks.laterPatches === 'dropped') {
    for await (const _ of exchange.body());
    return;
  }
  try {
    const isPatch = exchange.route.kind === 'upload-patch';
    const kept = isPatch ? firstOf(exchange.body(), quirks.keptOfPatch) : exchange.body();
    const received = await session.receive(kept);
    session.patches += 1;
    session.hasShortChunk ||= received < chunkMinBytes;
  } catch (error) {
    session.isBroken = true;
    if (quirks.brokenSession === 'gone') await core.endSession(session);
    throw error;
  }
}

/** The first bytes of a body, all of which is read. */
async function* firstOf(body: AsyncIterable<Uint8Array>, most: number): AsyncGenerator<Uint8Array> {
  let left = most;
  for await (const chunk of body) {
    const kept = chunk.subarray(0, Math.min(left, chunk.byteLength));
    left -= kept.byteLength;
    if (kept.byteLength > 0) yield kept;
  }
}

/** Refuses a body that does not fit: at the wrong offset, too large, or after a chunk that was too small. */
function assertTakesChunk(core: RegistryCore, exchange: Exchange, session: Session): void {
  const { quirks } = core.options;
  const length = exchange.header('content-length');
  const range = exchange.header('content-range');
  const refusal = (message: string): Refusal =>
    new Refusal('RANGE_INVALID', {
      message,
      headers: { Location: locateSession(exchange, quirks, session), Range: rangeOf(session) },
    });
  if (session.hasShortChunk && exchange.route.kind === 'upload-patch')
    throw refusal('the chunk before was below the minimum');
  if (range === undefined || quirks.contentRange === 'ignored') return;
  if (quirks.contentRange === 'refused') throw refusal('Content-Range is not supported');
  const [, start, end] = /^(\d+)-(\d+)$/.exec(range)?.map(Number) ?? [];
  if (start === undefined || end === undefined || end < start) throw refusal(`bad Content-Range ${range}`);
  if (start !== session.offset) throw refusal(`expected a chunk at ${session.offset}, got ${range}`);
  const size = end - start + 1;
  if (size > quirks.chunkMaxBytes) throw refusal(`a chunk may have ${quirks.chunkMaxBytes} bytes`);
  if (length !== undefined && Number(length) !== size) throw new Refusal('SIZE_INVALID');
}

async function answerSession(
  core: RegistryCore,
  exchange: Exchange,
  session: Session,
  status: number,
  range: string = rangeOf(session),
  hasLocation = true,
): Promise<void> {
  const { quirks, chunkMinBytes } = core.options;
  await exchange.answer(status, {
    ...(hasLocation ? { Location: locateSession(exchange, quirks, session) } : {}),
    Range: range,
    [quirks.sessionHeader]: session.id,
    ...(chunkMinBytes > 0 && status === 202 ? { 'OCI-Chunk-Min-Length': String(chunkMinBytes) } : {}),
  });
}

async function answerCreated(core: RegistryCore, exchange: Exchange, digest: Digest, status = 201): Promise<void> {
  const path = `/v2/${exchange.route.repository}/blobs/${digest}`;
  const location = locate(exchange, core.options.quirks, path);
  await exchange.answer(status, { Location: location, 'Docker-Content-Digest': digest });
}

/** What the session has, in the header's odd form: the last byte's place, and `0-0` for nothing as for one byte. */
function rangeOf(session: Session): string {
  return `0-${Math.max(0, session.offset - 1)}`;
}

function assertDigest(text: string): asserts text is Digest {
  if (!isDigest(text)) throw new Refusal('DIGEST_INVALID', { message: `bad digest ${JSON.stringify(text)}` });
}

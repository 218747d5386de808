import {
  type EmbeddedRegistry,
  type Misbehaviour,
  type QuirkName,
  type RegistryQuirks,
  resolveQuirks,
} from '@slipway/testkit';

/** Bytes of the layer that every row pushes, and of a chunk where it is sent in chunks. */
export const layerSize = 300_000;
export const chunkSize = 65_536;

/** What a row works with besides the rule itself. */
export interface FaultScene {
  /** A second registry on another port: a stranger to the first. */
  readonly stranger: EmbeddedRegistry;
  /** An HTTP date so many seconds from the test's own now. */
  dateIn(seconds: number): string;
}

export interface Fault {
  readonly name: string;
  /** How the layer is sent: its digest known, compressed on the fly, or in chunks. */
  readonly shape: 'put' | 'stream' | 'chunks';
  readonly rules?: ((scene: FaultScene) => readonly Misbehaviour[]) | undefined;
  readonly quirks?: QuirkName | Partial<RegistryQuirks> | undefined;
  /** The least bytes of a chunk, announced by the registry. */
  readonly chunkMinBytes?: number | undefined;
  /** The registry wants a token, or a password. @default neither */
  readonly auth?: 'bearer' | 'basic' | undefined;
  /** Short limits on waiting, for what has to run into them. */
  readonly impatient?: boolean | undefined;
  /** The registry holds a request for ever, and so does not come to rest. */
  readonly isStuck?: boolean | undefined;
  /** The registry has set the tag, whatever it said. */
  readonly isTagged?: boolean | undefined;
  /** What stands in front of, or in place of, the registry. */
  readonly network?: 'unknown name' | 'nothing listens' | 'untrusted certificate' | 'not HTTP' | undefined;
  /** What is wrong on this side. */
  readonly local?: 'disk full on spool' | 'no spool at all' | undefined;
  /** `pushed`, or what the error says. */
  readonly expected: 'pushed' | RegExp;
  /** Body bytes of blobs that the registry took beyond those it needed, at most. @default 0 */
  readonly resent?: number | undefined;
  /** Milliseconds waited, exactly; the schedule's random numbers are all 0.5. @default 0 */
  readonly waited?: number | undefined;
  /** Sessions left open at the registry. @default 0 */
  readonly sessionsLeft?: number | undefined;
  /** Requests that the stranger must have had; none of them with credentials. */
  readonly strangerAsked?: boolean | undefined;
}

/** Waits after one, two and four failures, by the schedule. */
const [one, two, four] = [500, 10_000, 55_000] as const;
/** How long a manifest waits for replicas that may not have its blobs yet, before these are sent again. */
const replicas = 6_000;
const html = '<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>';
const start: Misbehaviour['match'] = { kind: ['upload-start', 'mount'] };
const put: Misbehaviour['match'] = { kind: 'upload-put' };
const patch: Misbehaviour['match'] = { kind: 'upload-patch' };
const status: Misbehaviour['match'] = { kind: 'upload-status' };
const manifest: Misbehaviour['match'] = { kind: 'manifest-put' };
const token: Misbehaviour['match'] = { kind: 'token' };
const unknownUpload = { errors: [{ code: 'BLOB_UPLOAD_UNKNOWN', message: 'blob upload unknown to registry' }] };
const invalidToken = { 'www-authenticate': 'Bearer realm="REALM",error="invalid_token"' };
const busy = { 'retry-after': '7' };
/** What `busy` asks for, and half a second of spread. */
const busyWait = 7_500;

/** Rows of which each is about one request that fails so many times. */
function times(count: number, match: Misbehaviour['match'], deed: Omit<Misbehaviour, 'match'>): Pick<Fault, 'rules'> {
  return { rules: () => [{ match, times: count, ...deed }] };
}

// biome-ignore format: a row is a line
const openings: readonly Fault[] = [
  { name: 'POST reset once', shape: 'put', ...times(1, start, { reset: true }), expected: 'pushed', waited: 0 },
  { name: 'POST reset twice', shape: 'put', ...times(2, start, { reset: true }), expected: 'pushed', waited: 0 },
  { name: 'POST reset always', shape: 'put', ...times(99, start, { reset: true }), expected: /gave up after 5 attempts/, waited: four },
  { name: 'POST answered 500', shape: 'stream', ...times(1, start, { status: 500 }), expected: 'pushed', waited: one },
  { name: 'POST answered 502 with a page', shape: 'put', ...times(1, start, { status: 502, body: html }), expected: 'pushed', waited: 0 },
  { name: 'POST answered 503', shape: 'put', ...times(1, start, { status: 503 }), expected: 'pushed', waited: 0 },
  { name: 'POST answered 503 with Retry-After', shape: 'put', ...times(1, start, { status: 503, headers: busy }), expected: 'pushed', waited: busyWait },
  { name: 'POST answered 429 with Retry-After', shape: 'put', ...times(1, start, { status: 429, headers: busy }), expected: 'pushed', waited: busyWait },
  { name: 'POST answered 429 with Retry-After as a date', shape: 'put', rules: ({ dateIn }) => [{ match: start, times: 1, status: 429, headers: { 'retry-after': dateIn(30) } }], expected: 'pushed', waited: 30_500 },
  { name: 'POST answered 429 in plain text, as Docker Hub does', shape: 'put', ...times(1, start, { status: 429, body: 'Too Many Requests' }), expected: 'pushed', waited: one },
  { name: 'a storm of 429', shape: 'put', ...times(4, start, { status: 429, headers: busy }), expected: 'pushed', waited: 4 * busyWait },
  { name: 'a storm of 429 without an end', shape: 'put', ...times(5, start, { status: 429, headers: busy }), expected: /429.*gave up after 5 attempts/, waited: 5 * busyWait },
  { name: 'POST answered 429 for two hours', shape: 'put', ...times(1, start, { status: 429, headers: { 'retry-after': '7200' } }), expected: /asked to wait 7200 s/ },
  { name: 'POST whose answer is lost', shape: 'put', ...times(1, start, { dropResponse: true }), expected: 'pushed', waited: 0, sessionsLeft: 1 },
  { name: 'POST that is never answered', shape: 'put', impatient: true, ...times(1, start, { stall: true }), expected: 'pushed', waited: 0 },
  { name: 'POST denied', shape: 'put', ...times(9, start, { status: 403 }), expected: /answered 403: .*denied/ },
  { name: 'POST to a repository that has to exist', shape: 'put', ...times(9, start, { status: 404 }), expected: /answered 404/ },
  { name: 'POST without a Location', shape: 'put', ...times(9, start, { omitHeaders: ['location'] }), expected: /no Location/, sessionsLeft: 2 },
  { name: 'POST with a Location that is no URL', shape: 'put', ...times(9, start, { headers: { location: 'http://' } }), expected: /Location that is not a URL/, sessionsLeft: 2 },
  { name: 'POST with a Location of another scheme', shape: 'put', ...times(9, start, { moveLocation: () => 'ftp://127.0.0.1/x' }), expected: /Location of scheme/, sessionsLeft: 2 },
  { name: 'POST that sends uploads to a stranger', shape: 'put', auth: 'basic', rules: ({ stranger }) => [{ match: start, times: 1, moveLocation: stranger.url }], expected: 'pushed', strangerAsked: true, sessionsLeft: 1 },
  { name: 'POST redirected to a stranger', shape: 'put', auth: 'bearer', rules: ({ stranger }) => [{ match: start, times: 1, status: 307, headers: { location: `${stranger.url}/v2/demo/app/blobs/uploads/` } }], expected: 'pushed', waited: replicas, strangerAsked: true },
];

// biome-ignore format: a row is a line
const streams: readonly Fault[] = [
  { name: 'PATCH reset before its body', shape: 'stream', ...times(1, patch, { reset: true }), expected: 'pushed', waited: one },
  { name: 'PATCH reset during its body', shape: 'stream', ...times(1, patch, { dropAfter: 30_000 }), expected: 'pushed', waited: one, resent: 30_000 },
  { name: 'PATCH whose answer is lost', shape: 'stream', ...times(1, patch, { dropResponse: true }), expected: 'pushed', waited: one, resent: layerSize },
  { name: 'PATCH answered 500', shape: 'stream', ...times(1, patch, { status: 500 }), expected: 'pushed', waited: one },
  { name: 'PATCH answered 500 after its body', shape: 'stream', ...times(1, patch, { status: 500, readFirst: true }), expected: 'pushed', waited: one, resent: layerSize },
  { name: 'PATCH answered 504 with a page', shape: 'stream', ...times(1, patch, { status: 504, body: html }), expected: 'pushed', waited: one },
  { name: 'PATCH answered 429', shape: 'stream', ...times(1, patch, { status: 429, headers: busy }), expected: 'pushed', waited: busyWait },
  { name: 'PATCH of unknown length answered 411', shape: 'stream', ...times(9, patch, { status: 411 }), expected: 'pushed' },
  { name: 'PATCH answered 404', shape: 'stream', ...times(9, patch, { status: 404, body: unknownUpload }), expected: 'pushed', sessionsLeft: 1 },
  { name: 'PATCH answered 405', shape: 'stream', ...times(9, patch, { status: 405 }), expected: 'pushed' },
  { name: 'PATCH answered without Range', shape: 'stream', ...times(1, patch, { omitHeaders: ['range'] }), expected: 'pushed' },
  { name: 'PATCH answered without Location', shape: 'stream', quirks: { staleState: 'accepted' }, ...times(1, patch, { omitHeaders: ['location'] }), expected: 'pushed' },
  { name: 'PATCH answered with a Range beyond what was sent', shape: 'stream', ...times(1, patch, { headers: { range: '0-99999999' } }), expected: /more than the \d+ that were sent/, resent: 0 },
  { name: 'PATCH answered with a Range that is none', shape: 'stream', ...times(1, patch, { headers: { range: 'all of it' } }), expected: /bad range format/ },
  { name: 'PATCH denied a token that has died: a fresh one, at once', shape: 'stream', auth: 'bearer', ...times(1, patch, { status: 401, headers: invalidToken }), expected: 'pushed' },
  { name: 'PATCH denied every token', shape: 'stream', auth: 'bearer', ...times(99, { kind: ['upload-patch', 'upload-put'] }, { status: 401, headers: invalidToken }), expected: /answered 401/ },
  { name: 'PATCH that is never answered', shape: 'stream', impatient: true, isStuck: true, ...times(1, patch, { stall: true }), expected: 'pushed', waited: one },
  { name: 'a stream that is too large', shape: 'stream', quirks: { bodyMaxBytes: 100_000 }, ...times(9, patch, { status: 413 }), expected: /answered 413/ },
];

// biome-ignore format: a row is a line
const chunks: readonly Fault[] = [
  { name: 'third chunk reset before its body', shape: 'chunks', ...times(1, patch, { after: 2, reset: true }), expected: 'pushed', waited: one },
  { name: 'third chunk reset during its body', shape: 'chunks', ...times(1, patch, { after: 2, dropAfter: 30_000 }), expected: 'pushed', waited: one },
  { name: 'third chunk reset at a registry that then forgets all', shape: 'chunks', quirks: 'zot', ...times(1, patch, { after: 2, dropAfter: 30_000 }), expected: /./, waited: one, resent: 2 * chunkSize + 30_000 },
  { name: 'a chunk whose answer is lost', shape: 'chunks', ...times(1, patch, { after: 2, dropResponse: true }), expected: 'pushed', waited: one },
  { name: 'every second chunk broken', shape: 'chunks', rules: () => [0, 1, 2, 3].map((after) => ({ match: patch, after, times: 1, dropAfter: 40_000 })), expected: 'pushed', waited: 3 * one, resent: 40_000 },
  { name: 'a chunk answered 500', shape: 'chunks', ...times(1, patch, { after: 1, status: 500 }), expected: 'pushed', waited: one },
  { name: 'a chunk answered 503 with Retry-After', shape: 'chunks', ...times(1, patch, { after: 1, status: 503, headers: busy }), expected: 'pushed', waited: busyWait },
  { name: 'a chunk answered 429', shape: 'chunks', ...times(1, patch, { after: 1, status: 429, headers: busy }), expected: 'pushed', waited: busyWait },
  { name: 'a chunk denied a token that has died', shape: 'chunks', auth: 'bearer', ...times(1, patch, { after: 2, status: 401, headers: invalidToken }), expected: 'pushed' },
  { name: 'a session that is gone in the middle', shape: 'chunks', ...times(1, patch, { after: 2, status: 404, body: unknownUpload }), expected: 'pushed', waited: one, resent: 2 * chunkSize, sessionsLeft: 1 },
  { name: 'a status that is not told', shape: 'chunks', rules: () => [{ match: patch, after: 2, times: 1, reset: true }, { match: status, times: 1, status: 404 }], expected: 'pushed', waited: one, resent: 2 * chunkSize, sessionsLeft: 1 },
  { name: 'a status answered 500 once', shape: 'chunks', rules: () => [{ match: patch, after: 2, times: 1, reset: true }, { match: status, times: 1, status: 500 }], expected: 'pushed', waited: two },
  { name: 'a status answered 429', shape: 'chunks', rules: () => [{ match: patch, after: 2, times: 1, reset: true }, { match: status, times: 1, status: 429, headers: busy }], expected: 'pushed', waited: one + busyWait },
  { name: 'of each chunk one byte is kept: the layer goes in one piece', shape: 'chunks', quirks: { keptOfPatch: 1 }, expected: 'pushed', resent: 4 * chunkSize },
  { name: 'of each chunk a third is kept', shape: 'chunks', quirks: { keptOfPatch: 20_000 }, expected: 'pushed', resent: 4 * chunkSize },
  { name: 'of each chunk two thirds are kept: it goes on', shape: 'chunks', quirks: { keptOfPatch: 40_000 }, expected: 'pushed', resent: 8 * chunkSize },
  { name: 'of each chunk and each stream one byte is kept: one PUT', shape: 'stream', quirks: { keptOfPatch: 1 }, expected: 'pushed', waited: one, resent: 2 * layerSize },
  { name: 'chunks refused with 416', shape: 'chunks', quirks: { contentRange: 'refused' }, expected: 'pushed' },
  { name: 'a chunk answered without Range', shape: 'chunks', ...times(2, patch, { omitHeaders: ['range'] }), expected: 'pushed' },
  { name: 'a commit whose answer is lost', shape: 'chunks', ...times(1, put, { dropResponse: true }), expected: 'pushed', waited: one },
  { name: 'a commit answered 500', shape: 'chunks', ...times(1, put, { status: 500 }), expected: 'pushed', waited: one },
  { name: 'a commit denied a token that has died', shape: 'chunks', auth: 'bearer', ...times(1, put, { status: 401, headers: invalidToken }), expected: 'pushed' },
  { name: 'a commit that says the digest is wrong', shape: 'chunks', ...times(1, put, { status: 400, body: { errors: [{ code: 'DIGEST_INVALID', message: 'wrong' }] } }), expected: 'pushed', waited: one, resent: layerSize },
  { name: 'a commit that takes its time', shape: 'chunks', impatient: true, ...times(1, put, { delayAnswerMs: 900 }), expected: 'pushed' },
];

// biome-ignore format: a row is a line
const puts: readonly Fault[] = [
  { name: 'PUT reset before its body', shape: 'put', ...times(1, put, { reset: true }), expected: 'pushed', waited: one },
  { name: 'PUT reset during its body', shape: 'put', ...times(1, put, { dropAfter: 100_000 }), expected: 'pushed', waited: one, resent: 100_000 },
  { name: 'PUT reset during its body three times: in pieces after the second', shape: 'put', ...times(3, put, { dropAfter: 100_000 }), expected: 'pushed', waited: one, resent: 200_000 },
  { name: 'PUT whose answer is lost: not sent again', shape: 'put', ...times(1, put, { dropResponse: true }), expected: 'pushed', waited: one },
  { name: 'PUT answered 500 after its body', shape: 'put', ...times(1, put, { status: 500, readFirst: true }), expected: 'pushed', waited: one, resent: layerSize },
  { name: 'PUT answered 502 with a page', shape: 'put', ...times(1, put, { status: 502, body: html }), expected: 'pushed', waited: one },
  { name: 'PUT answered 503 with Retry-After', shape: 'put', ...times(1, put, { status: 503, headers: busy }), expected: 'pushed', waited: busyWait },
  { name: 'PUT answered 429', shape: 'put', ...times(1, put, { status: 429, headers: busy }), expected: 'pushed', waited: busyWait },
  { name: 'PUT that says the digest is wrong', shape: 'put', ...times(1, put, { status: 400, readFirst: true, body: { errors: [{ code: 'DIGEST_INVALID', message: 'wrong' }] } }), expected: 'pushed', waited: one, resent: layerSize },
  { name: 'PUT answered with another digest', shape: 'put', ...times(9, put, { wrongDigest: true }), expected: /another digest/ },
  { name: 'PUT with a body answered 405', shape: 'put', ...times(1, put, { status: 405 }), expected: 'pushed' },
  { name: 'PUT with a body too large for a proxy', shape: 'put', ...times(1, put, { status: 413, body: html }), expected: 'pushed' },
  { name: 'PUT of a session that is gone', shape: 'put', ...times(1, put, { status: 404, body: unknownUpload }), expected: 'pushed', sessionsLeft: 1 },
  { name: 'PUT denied', shape: 'put', ...times(9, put, { status: 403 }), expected: /answered 403/ },
  { name: 'PUT denied a token that has died', shape: 'put', auth: 'bearer', ...times(1, put, { status: 401, headers: invalidToken }), expected: 'pushed' },
  { name: 'PUT to a registry whose disk is full', shape: 'put', ...times(9, put, { status: 500, body: { errors: [{ code: 'UNKNOWN', message: 'no space left on device' }] } }), expected: /no space left/ },
  { name: 'PUT that is answered slowly', shape: 'put', impatient: true, ...times(1, put, { delayAnswerMs: 900 }), expected: 'pushed' },
  { name: 'PUT that is read slowly at first', shape: 'put', ...times(1, put, { delayMs: 100 }), expected: 'pushed' },
  { name: 'PUT that is never answered', shape: 'put', impatient: true, isStuck: true, ...times(1, put, { stall: true }), expected: 'pushed', waited: one },
];

// biome-ignore format: a row is a line
const manifests: readonly Fault[] = [
  { name: 'manifest reset', shape: 'put', ...times(1, manifest, { reset: true }), expected: 'pushed', waited: one },
  { name: 'manifest whose answer is lost', shape: 'put', ...times(1, manifest, { dropResponse: true }), expected: 'pushed', waited: one },
  { name: 'manifest answered 500', shape: 'put', ...times(1, manifest, { status: 500 }), expected: 'pushed', waited: one },
  { name: 'manifest answered 502 with a page', shape: 'put', ...times(1, manifest, { status: 502, body: html }), expected: 'pushed', waited: one },
  { name: 'manifest answered 503 with Retry-After', shape: 'put', ...times(1, manifest, { status: 503, headers: busy }), expected: 'pushed', waited: busyWait },
  { name: 'manifest answered 429', shape: 'put', ...times(2, manifest, { status: 429, headers: busy }), expected: 'pushed', waited: 2 * busyWait },
  { name: 'manifest denied a token that has died', shape: 'put', auth: 'bearer', ...times(1, manifest, { status: 401, headers: invalidToken }), expected: 'pushed' },
  { name: 'manifest refused: once is enough', shape: 'put', ...times(1, manifest, { status: 400, body: { errors: [{ code: 'MANIFEST_INVALID', message: 'manifest invalid' }] } }), expected: /manifest invalid/ },
  { name: 'manifest answered with another digest', shape: 'put', ...times(9, manifest, { wrongDigest: true }), expected: /stored manifest .* as sha256:/, isTagged: true },
  { name: 'manifest that is never answered', shape: 'put', impatient: true, ...times(1, manifest, { stall: true }), expected: 'pushed', waited: one },
];

// biome-ignore format: a row is a line
const questions: readonly Fault[] = [
  { name: 'ping answered 500', shape: 'put', ...times(1, { kind: 'ping' }, { status: 500 }), expected: 'pushed' },
  { name: 'ping answered 429', shape: 'put', ...times(1, { kind: 'ping' }, { status: 429, headers: busy }), expected: 'pushed' },
  { name: 'ping reset', shape: 'put', ...times(1, { kind: 'ping' }, { reset: true }), expected: 'pushed' },
  { name: 'ping answered 429 where a token is wanted', shape: 'put', auth: 'bearer', ...times(1, { kind: 'ping' }, { status: 429, headers: busy }), expected: 'pushed' },
  { name: 'manifest asked for: 429', shape: 'put', ...times(1, { kind: ['manifest-head', 'manifest-get'] }, { status: 429, headers: busy }), expected: 'pushed', waited: busyWait },
  { name: 'manifest asked for: 500', shape: 'put', ...times(3, { kind: ['manifest-head', 'manifest-get'] }, { status: 500 }), expected: 'pushed', waited: 500 },
  { name: 'token answered 429', shape: 'put', auth: 'bearer', ...times(1, token, { status: 429, headers: busy }), expected: 'pushed', waited: busyWait },
  { name: 'token answered 503 with Retry-After', shape: 'put', auth: 'bearer', ...times(1, token, { status: 503, headers: busy }), expected: 'pushed', waited: busyWait },
  { name: 'token server that resets', shape: 'put', auth: 'bearer', ...times(1, token, { reset: true }), expected: 'pushed' },
  { name: 'token cut short', shape: 'put', auth: 'bearer', ...times(99, token, { truncateAfter: 20 }), expected: /./, waited: four },
  { name: 'token server that shows a page', shape: 'put', auth: 'bearer', ...times(99, token, { status: 200, body: html }), expected: /unable to decode token response/ },
  { name: 'token server that refuses', shape: 'put', auth: 'bearer', ...times(99, token, { status: 401 }), expected: /answered 401/ },
];

// biome-ignore format: a row is a line
const surroundings: readonly Fault[] = [
  { name: 'a name that nobody knows', shape: 'put', network: 'unknown name', expected: /ENOTFOUND|EAI_AGAIN/ },
  { name: 'nothing listens', shape: 'put', network: 'nothing listens', expected: /ECONNREFUSED.*gave up after 5 attempts/, waited: 15_000 },
  { name: 'a certificate that nobody vouches for', shape: 'put', network: 'untrusted certificate', expected: /certificate/ },
  { name: 'something that is not HTTP', shape: 'put', network: 'not HTTP', expected: /not HTTP/ },
  { name: 'a disk that is full when the layer is spooled', shape: 'stream', local: 'disk full on spool', expected: 'pushed' },
  { name: 'no room to spool at all', shape: 'stream', local: 'no spool at all', expected: 'pushed' },
];

/** Every upload of more than so many bytes is cut off after them, without an end. */
function cutsOff(bytes: number): Pick<Fault, 'rules'> {
  return { rules: () => [{ match: { kind: ['upload-patch', 'upload-put'] }, dropAfter: bytes }] };
}

// biome-ignore format: a row is a line
const cutOffs: readonly Fault[] = [
  { name: 'every PUT cut off after 200 kB: in pieces', shape: 'put', ...cutsOff(200_000), expected: 'pushed', waited: one, resent: 400_000 },
  { name: 'every PUT cut off after 50 kB: in smaller pieces', shape: 'put', ...cutsOff(50_000), expected: 'pushed', waited: one, resent: 200_000 },
  { name: 'every PUT cut off after 9 kB: in the smallest pieces', shape: 'put', ...cutsOff(9_000), expected: 'pushed', waited: one, resent: 63_000 },
  { name: 'every stream cut off after 50 kB: nothing is kept to send in pieces', shape: 'stream', ...cutsOff(50_000), expected: /cut off 5 times in a row.*smaller pieces need a copy of the compressed layer/, waited: four },
  { name: 'every chunk cut off after 20 kB: in smaller ones', shape: 'chunks', ...cutsOff(20_000), expected: 'pushed', waited: one, resent: 80_000 },
  { name: 'every PUT cut off by a registry that loses broken sessions', shape: 'put', quirks: 'distribution-2', ...cutsOff(70_000), expected: 'pushed', waited: one, resent: 4 * 70_000, sessionsLeft: 4 },
  { name: 'every PUT cut off by a registry that forgets broken sessions', shape: 'put', quirks: 'acr', ...cutsOff(70_000), expected: 'pushed', waited: one, resent: 4 * 70_000 },
  { name: 'every PUT cut off by a registry that takes no chunks', shape: 'put', quirks: 'gar', ...cutsOff(70_000), expected: /cut off \d+ times in a row, the last time after at most \d+ bytes; \S+ takes a blob in one piece only/, waited: four, resent: 0 },
  { name: 'every PUT cut off by a registry that drops later chunks', shape: 'put', quirks: 'ecr', ...cutsOff(70_000), expected: /cut off \d+ times in a row.*in one piece only/, waited: four + one },
  { name: 'every PUT cut off at its first byte: nothing gets through', shape: 'put', ...cutsOff(1), expected: /cut off \d+ times in a row, the last time after at most \d+ bytes/, waited: four },
  { name: 'chunks cut off when half of the layer is there', shape: 'chunks', rules: () => [{ match: patch, after: 2, times: 3, dropAfter: 30_000 }], expected: 'pushed', waited: one, resent: 30_000 },
];

/** What registries of the field do, each named by the thread that tells of it. docs/registries.md points here. */
// biome-ignore format: a row is a line
const peculiarities: readonly Fault[] = [
  { name: 'aws/containers-roadmap#2831: ECR takes one PATCH and drops the rest', shape: 'chunks', quirks: 'ecr', expected: 'pushed', resent: 2 * chunkSize },
  { name: 'dotnet/sdk#33019: ECR tells no status, so a broken stream starts again', shape: 'stream', quirks: 'ecr', ...times(1, patch, { dropAfter: 30_000 }), expected: 'pushed', waited: one, resent: 30_000 },
  { name: 'containers/skopeo#1101: GAR refuses Content-Range', shape: 'chunks', quirks: 'gar', expected: 'pushed' },
  { name: 'actions/attest-build-provenance#606: GAR sends 21 KB of headers', shape: 'put', quirks: 'gar', expected: 'pushed' },
  { name: 'Azure/acr#866: ACR forgets a session whose connection broke', shape: 'chunks', quirks: 'acr', ...times(1, patch, { after: 2, dropAfter: 30_000 }), expected: 'pushed', waited: one, resent: 2 * chunkSize + 30_000 },
  { name: 'Azure/acr#866: ACR answers a stray 416 to a PUT', shape: 'put', quirks: 'acr', ...times(1, put, { status: 416 }), expected: 'pushed', waited: one },
  { name: 'oras-project/rust-oci-client#35: GHCR refuses large chunks with 416', shape: 'chunks', quirks: { chunkMaxBytes: 10_000 }, expected: 'pushed' },
  { name: 'docker/build-push-action#719: GHCR answers 504 to a stream', shape: 'stream', quirks: 'ghcr', ...times(2, patch, { status: 504, body: html }), expected: 'pushed', waited: one },
  { name: 'google/go-containerregistry#920: Docker Hub gets few and large writes', shape: 'stream', quirks: 'hub', expected: 'pushed' },
  { name: 'quay/quay blob.py: Quay writes its Range with a unit, and tells no Location with a status', shape: 'chunks', quirks: 'quay', ...times(1, patch, { after: 2, dropAfter: 30_000 }), expected: 'pushed', waited: one },
  { name: 'goharbor/harbor#22078: Harbor answers a failing mount with 400', shape: 'put', quirks: 'harbor', expected: 'pushed' },
  { name: 'docker/buildx#196, containerd/containerd#3533: old Artifactory answers a PUT with a body with 404', shape: 'put', quirks: 'artifactory', expected: 'pushed', sessionsLeft: 1 },
  { name: 'moby/moby#53700: Artifactory takes its time over a commit', shape: 'stream', quirks: 'artifactory', impatient: true, ...times(1, put, { delayAnswerMs: 900 }), expected: 'pushed', sessionsLeft: 1 },
  { name: 'moby/moby#33558: a GitLab token dies in a long layer', shape: 'stream', quirks: 'gitlab', auth: 'bearer', ...times(1, patch, { status: 401, headers: invalidToken, readFirst: true }), expected: 'pushed', resent: layerSize },
  { name: 'sonatype/nexus-public#967: the session after a declined mount breaks at its commit', shape: 'put', quirks: 'nexus', expected: 'pushed', resent: layerSize + 1000 },
  { name: 'sonatype/nexus-public#1040: Nexus wants a length with a manifest', shape: 'stream', quirks: 'nexus', expected: 'pushed', resent: 1000 },
  { name: 'project-zot/zot routes.go: a broken PATCH ends the session', shape: 'chunks', quirks: { ...resolveQuirks('zot'), ociOnly: false }, ...times(1, patch, { after: 2, dropAfter: 30_000 }), expected: 'pushed', waited: one, resent: 2 * chunkSize + 30_000 },
  { name: 'cloudflare/serverless-registry#67: a body above the limit is 413, and goes in chunks', shape: 'put', quirks: { bodyMaxBytes: 280_000 }, expected: 'pushed' },
  { name: 'moby/moby#46744: a proxy with a limit of 1 MiB less 300 KB', shape: 'chunks', quirks: { bodyMaxBytes: 70_000 }, expected: 'pushed' },
  { name: 'distribution/distribution v2.8 blobupload.go: a chunk that broke loses the session', shape: 'chunks', quirks: 'distribution-2', ...times(1, patch, { after: 2, dropAfter: 30_000 }), expected: 'pushed', waited: one, resent: 2 * chunkSize + 30_000, sessionsLeft: 1 },
  { name: 'distribution/distribution v2.8 blobupload.go: between chunks it goes on', shape: 'chunks', quirks: 'distribution-2', ...times(1, patch, { after: 2, reset: true }), expected: 'pushed', waited: one },
  { name: 'distribution/distribution v3 blobupload.go: a chunk that broke goes on', shape: 'chunks', quirks: 'distribution-3', ...times(1, patch, { after: 2, dropAfter: 30_000 }), expected: 'pushed', waited: one },
  { name: 'distribution-spec: OCI-Chunk-Min-Length', shape: 'chunks', chunkMinBytes: 100_000, expected: 'pushed' },
  { name: 'cloudflare: OCI-Chunk-Max-Length', shape: 'put', rules: () => [{ match: start, headers: { 'oci-chunk-max-length': '50000' } }], quirks: { bodyMaxBytes: 50_000 }, expected: 'pushed' },
];

/** Every fault and what comes of it. */
export const faults: readonly Fault[] = [
  ...openings,
  ...streams,
  ...chunks,
  ...puts,
  ...manifests,
  ...questions,
  ...surroundings,
  ...cutOffs,
  ...peculiarities,
];

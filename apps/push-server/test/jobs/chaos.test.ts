import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type EmbeddedRegistry,
  randomImage,
  readBack,
  requireTool,
  seededRandom,
  startRegistry,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { commitsOf } from './commits.ts';
import { type Hang, leftUploads } from './left-uploads.ts';
import { startRedis } from './redis-server.ts';
import { type SpawnedDaemon, spawnDaemon } from './spawn-daemon.ts';

// Seconds of blows for each number of daemons: a few by default, two minutes in CI. With another seed, of three alone:
//   SLIPWAY_CHAOS_SECONDS=120 SLIPWAY_CHAOS_SEED=7 npx vitest run test/jobs/chaos.test.ts -t 'of 3'
const seconds = Number(process.env['SLIPWAY_CHAOS_SECONDS'] ?? 6);
const seed = process.env['SLIPWAY_CHAOS_SEED'] ?? 'farm';

const uploads = ['upload-put', 'upload-patch'] as const;
const limits = { timeout: 180_000 + seconds * 3_000 };

/** A daemon with a folder of its own, which is started again after each death. */
interface Member {
  readonly place: string;
  daemon: SpawnedDaemon;
}

describe.skipIf(requireTool('redis-server'))('daemons die, Redis hangs and links break at random', () => {
  test.concurrent.each([2, 3])('of %i, every job ends, and nothing is sent twice', limits, async (daemons) => {
    await using folder = await temporaryFolder();
    await using registry = await startRegistry();
    await using redis = await startRedis();
    const random = seededRandom(`${seed} ${daemons}`);
    const start = (place: string): Promise<SpawnedDaemon> =>
      spawnDaemon(`${place}.sock`, place, '--redis', redis.url, '--job-lease', '2s', '--job-concurrency', '4');
    const places = Array.from({ length: daemons }, (_, at) => join(folder.path, `${at}`));
    const members: readonly Member[] = await Promise.all(
      places.map(async (place) => ({ place, daemon: await start(place) })),
    );
    const archiveOf = await archivesIn(folder.path);
    const slowDown = () => registry.misbehave({ match: { kind: uploads }, delayMs: 100 });
    let slow = slowDown(); // so that deaths fall into the middle of uploads

    const end = performance.now() + seconds * 1000;
    const jobs = new Map<string, Member>();
    const told = { kills: 0, hangs: 0, breaks: 0 };
    const hangs: Hang[] = [];
    const submit = async (at: number, member: Member): Promise<void> => {
      const destination = `${registry.host}/farm/app-${at % 5}:${at}`;
      const path = `/slipway/v1/jobs/archive?destination=${encodeURIComponent(destination)}`;
      const body = await archiveOf(at);
      // As a client does that is cut off: the same key, until there is an answer.
      for (;;) {
        const options = { headers: { 'idempotency-key': `job ${at}` }, body };
        const answer = await member.daemon.request('POST', path, options).catch(() => undefined);
        if (answer !== undefined && answer.status < 300) return void jobs.set(JSON.parse(answer.body).id, member);
        if (answer !== undefined) expect(answer.status).toBe(503);
        await delay(200);
      }
    };
    let next = 0;
    const submitting = members.map(async (member) => {
      while (performance.now() < end) {
        await submit(next++, member);
        await delay(100 + random.integer(400));
      }
    });
    const blows = {
      async kills() {
        const member = members[random.integer(members.length)]!;
        await member.daemon.kill();
        member.daemon = await start(member.place);
      },
      async hangs() {
        const from = Date.now();
        redis.suspend();
        await delay(500 + random.integer(2_000));
        redis.resume();
        hangs.push({ from, to: Date.now() });
      },
      // The next uploads, whenever they come.
      async breaks() {
        slow.remove(); // the oldest rule counts
        registry.misbehave({ match: { kind: uploads }, times: 1, reset: true });
        registry.misbehave({ match: { kind: uploads }, times: 1, dropAfter: 50_000 + random.integer(200_000) });
        slow = slowDown();
      },
    };
    const kinds = ['breaks', 'kills', 'hangs'] as const;
    // One of each at least, then what chance brings.
    for (let at = 0; at < kinds.length || performance.now() < end; at += 1) {
      const kind = kinds[at] ?? kinds[random.integer(kinds.length)]!;
      await delay(100 + random.integer(900));
      await blows[kind]();
      told[kind] += 1;
    }
    await Promise.all(submitting);

    for (const [id, { place }] of jobs) {
      const { daemon } = members.find((member) => member.place === place)!;
      const asked = async () => daemon.request('GET', `/slipway/v1/jobs/${id}?wait=60s`);
      let answer = await asked();
      while (answer.status === 503) answer = await asked(); // Redis has just come back
      const job = JSON.parse(answer.body);
      expect([job.state, job.error]).toEqual(['pushed', undefined]);
    }
    expect(jobs.size).toBeGreaterThan(3);
    const sent = await assertSentOnce(registry, { daemons, hangs });
    for (const member of members) await member.daemon.stop();
    process.stdout.write(
      `chaos: ${daemons} daemons, ${jobs.size} jobs, ${JSON.stringify({ ...told, ...sent })}, seed ${seed}\n`,
    );
  });
});

/** What the registry was sent, in bytes. */
interface Sent {
  /** Of all blobs that it has, each once for a repository. */
  readonly unique: number;
  /** Of blobs that were sent again while no lock could be held. */
  readonly again: number;
  /** Of requests that were cut. */
  readonly cut: number;
  /** Of whole chunks in uploads that nobody could go on with. */
  readonly left: number;
}

/** Each tag was put once, and reads back; no byte was sent twice but for those of a chunk that was cut. */
async function assertSentOnce(
  registry: EmbeddedRegistry,
  { daemons, hangs }: { readonly daemons: number; readonly hangs: readonly Hang[] },
): Promise<Sent> {
  const puts = registry.requests.filter(({ kind, status }) => kind === 'manifest-put' && status === 201);
  expect(twiceIn(puts.map(({ path }) => path))).toEqual([]);
  // While Redis does not answer, nobody knows what the other daemons send just then.
  const twice = twiceIn(commitsOf(registry));
  expect(twice.length).toBeLessThanOrEqual(daemons * hangs.length);
  for (const repository of registry.repositories()) {
    for (const tag of registry.tags(repository)) await readBack(registry.host, repository, tag);
  }
  const sizes = new Map<string, number>();
  for (const name of commitsOf(registry)) {
    const [repository = '', digest = ''] = name.split(' ');
    sizes.set(name, (await registry.blobBytes(repository, digest))?.byteLength ?? Number.NaN);
  }
  const sizeOf = (name: string): number => sizes.get(name) ?? 0;
  const bodies = registry.requests.filter(({ kind }) => kind === 'upload-put' || kind === 'upload-patch');
  const received = sum(bodies.map(({ requestBytes }) => requestBytes));
  const cut = sum(bodies.filter(({ status }) => status >= 300 || status === 0).map(({ requestBytes }) => requestBytes));
  const leftOnes = await leftUploads(registry, hangs);
  expect(leftOnes.filter(({ excuse }) => excuse === undefined)).toEqual([]);
  const left = sum(leftOnes.map(({ bytes }) => bytes));
  const unique = sum([...sizes.values()]);
  const again = sum(twice.map(sizeOf));
  expect(received - unique - again - left).toBeLessThanOrEqual(cut);
  return { unique, again, cut, left };
}

/** Archives of images that have one layer in common, and one of their own. */
async function archivesIn(folder: string): Promise<(at: number) => Promise<Uint8Array>> {
  const [base] = (await randomImage({ seed: 'base', layers: [{ size: 600_000, kind: 'random' }] })).layers;
  if (base === undefined) throw new Error('unreachable: it has a layer');
  return async (at) => {
    const path = join(folder, `${at}.tar`);
    const image = await randomImage({ seed: `${at}`, layers: [base, { size: 300_000, kind: 'random' }] });
    await writeDockerArchive(path, [{ image, references: ['x/y:1'] }]);
    const archive = await readFile(path);
    await rm(path);
    return archive;
  };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function twiceIn(texts: readonly string[]): readonly string[] {
  return texts.filter((text, at) => texts.indexOf(text) !== at);
}

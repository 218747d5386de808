import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { randomImage, startRegistry, writeDockerArchive } from '@slipway/testkit';
import type { ServerConfig } from '../../src/config/server-config.ts';
import { startTestDaemon, type TestDaemon } from '../daemon-fixture.ts';
import type { Answer, Asked } from './ask.ts';

/** Jobs that somebody else submitted, by what they name. */
export interface Jobs {
  readonly own: string;
  readonly foreign: string;
  /** From an own image to a foreign repository, and the other way round. */
  readonly ownToForeign: string;
  readonly foreignToOwn: string;
}

/** A daemon of two teams: images, jobs that have ended, and jobs whose registry never answers. */
export interface Farm extends AsyncDisposable {
  readonly server: TestDaemon;
  /** Repositories of the team that is looked at, and of another one. */
  readonly own: string;
  readonly foreign: string;
  /** IDs of their images. */
  readonly ids: { readonly own: string; readonly foreign: string };
  /** Archives that bring an image of each, both, and one without a name. */
  readonly archives: Readonly<Record<'own' | 'foreign' | 'both' | 'nameless', Buffer>>;
  readonly ended: Jobs;
  readonly stuck: Jobs;
  /** Undoes what a cell of the matrix has left behind. */
  tidy(): Promise<void>;
}

export type Ask = (asked: Omit<Asked, 'to'>) => Promise<Answer>;

/** Starts it; `hosts` and the like are the caller's. */
export async function startFarm(options: Partial<ServerConfig> = {}): Promise<Farm> {
  const registry = await startRegistry();
  const silent = createServer((socket) => void socket.on('error', () => {}));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  const silentHost = `127.0.0.1:${(silent.address() as { port: number }).port}`;
  const server = await startTestDaemon({ retries: 0, timeoutMs: 600_000, jobConcurrency: 64, ...options });
  const [own, foreign] = [`${registry.host}/team-a/app`, `${registry.host}/team-b/secret`];
  const images = { own: await randomImage({ seed: own }), foreign: await randomImage({ seed: foreign }) };
  const archive = async (entries: Parameters<typeof writeDockerArchive>[1]): Promise<Buffer> => {
    const path = join(server.folder.path, 'image.tar');
    await writeDockerArchive(path, entries);
    return await readFile(path);
  };
  const ownEntry = { image: images.own, references: [`${own}:v1`] };
  const foreignEntry = { image: images.foreign, references: [`${foreign}:v1`] };
  const archives = {
    own: await archive([ownEntry]),
    foreign: await archive([foreignEntry]),
    both: await archive([ownEntry, foreignEntry]),
    nameless: await archive([{ image: images.own, references: [] }]),
  };
  await server.request('POST', '/images/load?quiet=1', { body: archives.both });
  for (const name of [own, foreign]) await server.request('POST', `/images/${name}/push?tag=v1`);

  const submit = async (image: string, destination: string, wait = ''): Promise<string> => {
    const { body } = await server.request('POST', `/slipway/v1/jobs${wait}`, {
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ image: `${image}:v1`, destinations: [`${destination}:job`], labels: { of: 'farm' } }),
    });
    return (JSON.parse(body) as { readonly id: string }).id;
  };
  const jobs = async (to: { readonly own: string; readonly foreign: string }, wait?: string): Promise<Jobs> => ({
    own: await submit(own, to.own, wait),
    foreign: await submit(foreign, to.foreign, wait),
    ownToForeign: await submit(own, to.foreign, wait),
    foreignToOwn: await submit(foreign, to.own, wait),
  });
  const ended = await jobs({ own, foreign }, '?wait=20s');
  const stuck = await jobs({ own: `${silentHost}/team-a/app`, foreign: `${silentHost}/team-b/secret` });
  return {
    ...{ server, own, foreign, archives, ended, stuck },
    ids: { own: images.own.imageID, foreign: images.foreign.imageID },
    async tidy() {
      for (const name of [`${own}:new`, `${foreign}:new`]) await server.request('DELETE', `/images/${name}`);
    },
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      silent.close();
      await registry[Symbol.asyncDispose]();
    },
  };
}

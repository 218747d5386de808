import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDebianRegistry } from '@slipway/testkit';
import { readDockerArchive } from './docker-archive.mjs';
import { measure } from './measure.mjs';
import { commandsOf } from './programs.mjs';
import { sourceOf } from './source-of.mjs';
import { storedBytes } from './stored-bytes.mjs';

const repository = 'bench/app';

/**
 * Pulls of what each program has pushed, by one reader: skopeo, which unpacks the layers into a docker-archive. Each
 * program pushes once, to a registry of its own, which is pulled from as often as there are runs.
 */
export class Pulls {
  #case;
  #image;
  #reader;
  #folder = mkdtempSync(join(tmpdir(), 'slipway-bench-'));
  #servers = new Map();

  constructor(benchCase, image, reader) {
    this.#case = benchCase;
    this.#image = image;
    this.#reader = reader;
  }

  /** One pull of what `program` has pushed; undefined if it cannot push this. */
  async run(program) {
    const server = this.#servers.get(program.name) ?? (await this.#push(program));
    if (server === undefined) return undefined;
    server.clearRequests();
    const pulled = join(this.#folder, 'pulled.tar');
    const command = [
      this.#reader,
      '--insecure-policy',
      '--tmpdir',
      this.#folder,
      'copy',
      '--quiet',
      '--src-tls-verify=false',
      `docker://${server.host}/${repository}:1`,
      `docker-archive:${pulled}:${repository}:1`,
    ];
    const figures = await measure([command], this.#folder);
    assertSameLayers(pulled, this.#image.archive);
    rmSync(pulled);
    await server.settled();
    return { ...figures, requests: server.requests.length, stored: storedBytes([server]) };
  }

  /** The registry that `program` has pushed to; undefined if it cannot push this. */
  async #push(program) {
    const { form, compression } = this.#case;
    const home = mkdtempSync(join(this.#folder, 'home-'));
    const source = sourceOf(form, this.#image);
    const commandsFor = (host) => commandsOf(program, source, [`${host}/${repository}:1`], { home, compression });
    if (commandsFor('registry') === undefined) return undefined;
    const server = await startDebianRegistry();
    this.#servers.set(program.name, server);
    await program.daemon?.prepare(source.archive, [`${server.host}/${repository}:1`], { isFirst: true });
    await measure(commandsFor(server.host), home);
    await server.settled();
    return server;
  }

  async [Symbol.asyncDispose]() {
    for (const server of this.#servers.values()) await server[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/**
 * Fails unless an archive has the layers of another one. The reader has hashed each layer that it wrote, and named it
 * by what came out.
 */
function assertSameLayers(path, expectedPath) {
  const actual = readDockerArchive(path).layers;
  const expected = readDockerArchive(expectedPath).layers;
  const isSame = ({ diffID, size }, at) => {
    const layer = actual[at];
    return layer?.diffID === diffID && layer.size === size && layer.name.includes(diffID.slice('sha256:'.length));
  };
  if (actual.length !== expected.length || !expected.every(isSame))
    throw new Error(`${path}: what was pulled has other layers than what was pushed`);
}

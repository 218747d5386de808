import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const ticksPerSecond = 100; // of /proc, wherever Linux runs

/**
 * A dockerd of the bench's own, for `docker push`: it needs root, and starts when it is first asked for something.
 * Images are loaded once, before anything is timed.
 */
export class DockerDaemon {
  #folder;
  #process;
  #loaded = new Map();

  constructor(client, daemon) {
    this.client = client;
    this.daemon = daemon;
  }

  /** What each command of the client begins with. */
  get command() {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'slipway-bench-docker-'));
    return [this.client, '--host', `unix://${this.#folder}/docker.sock`];
  }

  /** Begins a run: nothing is remembered of registries, and the image has these names. */
  async prepare(archive, destinations, { isFirst }) {
    if (this.#process === undefined) await this.#start();
    if (!this.#loaded.has(archive)) this.#loaded.set(archive, this.#run(['load', '--quiet', '--input', archive]));
    if (isFirst) {
      await this.#stop();
      for (const driver of readdirSync(join(this.#folder, 'data/image')))
        rmSync(join(this.#folder, 'data/image', driver, 'distribution'), { recursive: true, force: true });
      await this.#start();
    }
    const name = /Loaded image: (.*)/.exec(this.#loaded.get(archive))?.[1];
    for (const destination of destinations) this.#run(['tag', name, destination]);
    writeFileSync(`/proc/${this.#process.pid}/clear_refs`, '5'); // its peak begins here
  }

  /** CPU seconds since it was started, and its peak of resident memory since it was prepared. */
  usage() {
    const { pid } = this.#process;
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return { cpu: (Number(fields[11]) + Number(fields[12])) / ticksPerSecond, peak: Number(peak) * 1024 };
  }

  async #start() {
    const [, , host] = this.command;
    const at = (name) => join(this.#folder, name);
    this.#process = spawn(
      this.daemon,
      [
        ...['--host', host, '--data-root', at('data'), '--exec-root', at('exec'), '--pidfile', at('pid')],
        ...['--iptables=false', '--ip6tables=false', '--bridge', 'none'],
      ],
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
    const said = [];
    this.#process.stderr.on('data', (chunk) => said.push(chunk));
    for (let waited = 0; spawnSync(this.command[0], [...this.command.slice(1), 'version']).status !== 0; waited += 1) {
      if (this.#process.exitCode !== null || waited === 300)
        throw new Error(`dockerd does not start: ${Buffer.concat(said).toString().slice(-800)}`);
      await wait(100);
    }
  }

  async #stop() {
    const ended = once(this.#process, 'close');
    this.#process.kill();
    await ended;
    this.#process = undefined;
  }

  #run(args) {
    const [file, ...first] = this.command;
    const { status, stdout, stderr } = spawnSync(file, [...first, ...args], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`docker ${args.join(' ')} ended with ${status}: ${stderr.slice(-800)}`);
    return stdout;
  }

  async [Symbol.asyncDispose]() {
    if (this.#process !== undefined) await this.#stop();
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}

#!/usr/bin/env node
// Where the CPU time of a push goes, by stage, for Slipway and for others: samples of perf; see README.md.
import { mkdirSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { requireTool, startDebianRegistry } from '@slipway/testkit';
import { run, sampleCpu } from './src/cpu-samples.mjs';
import { stageNames, stageOf } from './src/cpu-stages.mjs';
import { makeImage } from './src/images.mjs';
import { installedPrograms } from './src/programs.mjs';

const { values: options } = parseArgs({
  options: {
    image: { type: 'string', multiple: true, default: ['many'] },
    form: { type: 'string', default: 'archive' },
    program: { type: 'string', multiple: true, default: ['slipway', 'skopeo'] },
    peers: { type: 'string' },
    root: { type: 'string' },
    runs: { type: 'string', default: '1' },
    images: { type: 'string', default: join(tmpdir(), 'slipway-bench-images') },
    top: { type: 'string', default: '0' },
    help: { type: 'boolean', default: false },
  },
});

const compresses = options.form !== 'layout';

if (options.help) {
  process.stdout.write(`node benchmarks/stages.mjs [--image NAME]… [--form archive|layout] [--program NAME]…
           [--peers FOLDER] [--root FOLDER] [--runs N] [--images FOLDER] [--top N]

  --root       the folder of the chroot that the programs in --peers run in: their names of functions are read there
  --runs       pushes of each program, of which the mean is told (default 1)
  --top        names the N functions of each program that take longest, with their stages
`);
} else {
  for (const tool of ['perf', 'time', 'docker-registry']) {
    const missing = requireTool(tool);
    if (missing) throw new Error(`${missing}; on Debian: apt-get install linux-perf docker-registry time`);
  }
  for (const name of options.image) await tell(await makeImage(name, resolve(options.images)));
}

async function tell(image) {
  const runs = Number(options.runs);
  const source = compresses ? { archive: image.archive } : { layout: image.layout };
  const columns = [];
  for (const program of installedPrograms(options.program, options.peers)) {
    // `slipway` alone, and none of its further forms: the executable of Bun has no names of functions.
    if (!options.program.includes(program.name)) continue;
    if (program.command(source, ['host/app:1'], { home: '', path: '' }) === undefined) continue;
    const column = { name: program.name, cpu: 0, stages: new Map(), functions: new Map() };
    for (let at = 0; at < runs; at += 1) add(column, await sample(program, source, image), runs);
    columns.push(column);
  }
  process.stdout.write(`${table(`${image.name}, ${options.form}`, columns)}\n`);
}

/** One push to a registry that nobody has used before. What Slipway has compiled is there, as it is for a user. */
async function sample(program, source, image) {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-stages-'));
  const { NODE_EXTRA_CA_CERTS: _, ...inherited } = process.env;
  const env = { ...inherited, HOME: folder, XDG_CACHE_HOME: join(folder, 'cache') };
  const push = async (home, act) => {
    const registry = await startDebianRegistry();
    mkdirSync(home);
    const [command] = program.command(source, [`${registry.host}/bench/app:1`], { home, path: program.path });
    // V8 says with this what it has compiled, and where. But then Node compiles its own modules anew, so that it is
    // left out where there is nothing to be told apart.
    if (program.name === 'slipway' && compresses) command.splice(1, 0, '--perf-basic-prof');
    return await act(command).finally(() => registry[Symbol.asyncDispose]());
  };
  try {
    // What the first run has compiled, the second takes; it may add a little.
    const warmUps = program.name === 'slipway' ? (image.plainSize > 2 ** 28 ? 1 : 2) : 0;
    for (let at = 0; at < warmUps; at += 1)
      await push(join(folder, `warm-${at}`), ([file, ...args]) => run(file, args, { cwd: folder, env }));
    return await push(join(folder, 'home'), (command) => sampleCpu(command, folder, { env, root: options.root }));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function add(column, { samples, seconds, cpu }, runs) {
  const { stages, functions } = column;
  column.cpu += cpu / runs;
  for (const each of samples) {
    const stage = stageOf(each, { compresses });
    const name = `${stage}: ${each.functions[0]}`;
    stages.set(stage, (stages.get(stage) ?? 0) + seconds / runs);
    functions.set(name, (functions.get(name) ?? 0) + seconds / runs);
  }
}

/** CPU seconds by stage, with the part of all in percent. */
function table(title, columns) {
  const sum = ({ stages }) => [...stages.values()].reduce((total, seconds) => total + seconds, 0);
  const row = (name, cellOf) => `| ${[name, ...columns.map(cellOf)].join(' | ')} |`;
  const lines = [
    row(title, ({ name }) => `${name} s (%)`),
    row('---', () => '--:'),
    ...stageNames
      .filter((name) => columns.some(({ stages }) => stages.has(name)))
      .map((name) =>
        row(name, (column) => {
          const seconds = column.stages.get(name) ?? 0;
          return `${seconds.toFixed(2)} (${((100 * seconds) / sum(column)).toFixed(0)})`;
        }),
      ),
    row('all samples', (column) => sum(column).toFixed(2)),
    row('as GNU time counts', ({ cpu }) => cpu.toFixed(2)),
  ];
  for (const { name, functions } of columns) {
    const longest = [...functions].sort(([, a], [, b]) => b - a).slice(0, Number(options.top));
    if (longest.length > 0) lines.push('', `${name}:`, '');
    for (const [text, seconds] of longest) lines.push(`- ${seconds.toFixed(3)} ${text}`);
  }
  return `${lines.join('\n')}\n`;
}

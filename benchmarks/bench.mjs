#!/usr/bin/env node
// Pushes with Slipway and with every other program that is installed, in turn, against real registries; see README.md.
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { requireTool } from '@slipway/testkit';
import { makeImage } from './src/images.mjs';
import { plot } from './src/plot.mjs';
import { findProgram, installedPrograms } from './src/programs.mjs';
import { Pulls } from './src/pull.mjs';
import { markdown, summarize } from './src/report.mjs';
import { runCase } from './src/run-case.mjs';
import { scenarios } from './src/scenarios.mjs';
import { describeVersions, versionsOf } from './src/versions.mjs';

const { values: options } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'), // pnpm hands a separating `--` on
  options: {
    quick: { type: 'boolean', default: false },
    scenario: { type: 'string', multiple: true },
    image: { type: 'string', multiple: true },
    program: { type: 'string', multiple: true },
    peers: { type: 'string' },
    runs: { type: 'string' },
    images: { type: 'string', default: join(tmpdir(), 'slipway-bench-images') },
    output: { type: 'string', default: 'benchmarks/results' },
    help: { type: 'boolean', default: false },
  },
});

if (options.help) {
  process.stdout.write(`pnpm bench [--quick] [--scenario NAME]… [--image NAME]… [--program NAME]… [--peers FOLDER]
           [--runs N] [--images FOLDER] [--output FOLDER]

  --quick      small images, one run each: about two minutes
  --scenario   ${scenarios.map(({ name }) => name).join(', ')}
  --peers      a folder in which docker, skopeo, crane, regctl and oras are looked for before PATH
  --runs       runs of each program, in turn (default 3; quick 1; memory, layers 1)
  --images     where the images are made and kept, about 8 GB in all
  --output     where results.md, results.json and results.svg go
`);
} else {
  await bench();
}

async function bench() {
  const missing = requireTool('docker-registry');
  if (missing) throw new Error(`${missing}; on Debian: apt-get install docker-registry`);
  const programs = installedPrograms(options.program, options.peers);
  const { lines, warnings } = describeVersions(versionsOf(programs));
  for (const line of [...lines, ...warnings]) process.stderr.write(`${line}\n`);
  const results = [];
  try {
    for (const benchCase of casesWanted()) {
      const measured = await measureCase(benchCase, programs);
      if (measured.size > 0) results.push({ ...benchCase, measured });
    }
  } finally {
    for (const { daemon } of programs) await daemon?.[Symbol.asyncDispose]();
  }
  report(summarize(results), [...lines, ...warnings]);
}

/** The figures of all runs of a case, by the name of the program; the programs that cannot do it are left out. */
async function measureCase(benchCase, programs) {
  const runs = Number(options.runs ?? (options.quick ? 1 : (benchCase.runs ?? 3)));
  const image = await makeImage(benchCase.image, options.images);
  const pulls = benchCase.pull ? new Pulls(benchCase, image, findProgram('skopeo', options.peers)) : undefined;
  const figures = new Map(programs.map(({ name }) => [name, []]));
  try {
    for (let run = 0; run < runs; run += 1) {
      for (const program of programs) {
        const measured = await (pulls ? pulls.run(program) : runCase(benchCase, program, image));
        if (measured === undefined) continue;
        figures.get(program.name).push(measured);
        const { wall, cpu, requests } = measured;
        process.stderr.write(
          `${benchCase.title} · ${benchCase.form} · ${program.name}: ${wall.toFixed(2)} s, ${cpu?.toFixed(2) ?? '–'} s CPU, ${requests} requests\n`,
        );
      }
    }
  } finally {
    await pulls?.[Symbol.asyncDispose]();
  }
  if (!pulls) for (const program of programs) await watchThreads(benchCase, program, image, figures.get(program.name));
  return new Map([...figures].filter(([, all]) => all.length > 0));
}

/** One run more of Slipway on Node, which is not timed: how its threads share the work. */
async function watchThreads(benchCase, program, image, figures) {
  const [first] = figures;
  if (program.path !== process.execPath || first === undefined) return;
  const { main } = await runCase(benchCase, program, image, { watch: true });
  first.main = main;
}

function casesWanted() {
  return scenarios
    .filter(({ name }) => options.scenario === undefined || options.scenario.includes(name))
    .filter(({ name, needs = [] }) => {
      const missing = needs.filter((program) => findProgram(program, options.peers) === undefined);
      return missing.length === 0 || leaveOut(name, `${missing.join(' and ')} is not installed`);
    })
    .flatMap((scenario) =>
      (options.quick ? scenario.quick : scenario.cases).map((benchCase) => ({
        ...benchCase,
        title: [scenario.name, benchCase.image, benchCase.note].filter(Boolean).join(', '),
      })),
    )
    .filter(({ image }) => options.image === undefined || options.image.includes(image))
    .filter(({ title, cores = 1 }) => cores <= availableParallelism() || leaveOut(title, 'there are fewer cores'));
}

function leaveOut(what, why) {
  process.stderr.write(`${what} is left out: ${why}\n`);
  return false;
}

function report(summary, peers) {
  const machine = `${cpus()[0]?.model.trim() ?? 'an unknown processor'}, ${availableParallelism()} cores, Node ${process.version}`;
  const about = { machine, date: new Date().toISOString().slice(0, 16).replace('T', ' '), peers };
  const table = markdown(summary, about);
  mkdirSync(options.output, { recursive: true });
  writeFileSync(join(options.output, 'results.md'), table);
  writeFileSync(join(options.output, 'results.json'), `${JSON.stringify({ ...about, cases: summary }, null, 2)}\n`);
  writeFileSync(join(options.output, 'results.svg'), plot(summary));
  process.stdout.write(`${table}\nWritten to ${options.output}: results.md, results.json, results.svg\n`);
}

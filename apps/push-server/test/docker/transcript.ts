import { spawn } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { multiPlatformImage, randomImage, runTool, writeDockerArchive, writeOciArchive } from '@slipway/testkit';
import { type Places, type Step, stepsFor } from './transcript-steps.ts';

/** A command as it was typed, and all that it printed. Ids and times are normalised. */
export interface Passage {
  readonly command: string;
  readonly output: string;
}

/** Runs all steps, one after the other, with the real docker client. */
export async function runTranscript(host: string, folder: string, places: Places): Promise<readonly Passage[]> {
  const names = namesFor(places, folder);
  const start = Math.floor(Date.now() / 1000);
  const passages: Passage[] = [];
  for (const step of stepsFor(places)) {
    const end = Math.ceil(Date.now() / 1000) + 1; // whole seconds: what has happened in this one counts too
    const args = step.args.map((arg) => arg.replace('{start}', `${start}`).replace('{end}', `${end}`));
    const output = await printedBy({ ...step, args }, host, folder, names);
    passages.push({ command: names(`docker ${step.args.join(' ')}`), output: withoutIds(output) });
  }
  return passages;
}

/** As text: `$ ` before a command, `! ` before what came by standard error, and the exit code where it is not 0. */
export function formatTranscript(passages: readonly Passage[]): string {
  return passages.map(({ command, output }) => `$ ${command}\n${output}${output === '' ? '' : '\n'}`).join('\n');
}

export function parseTranscript(transcript: string): readonly Passage[] {
  return transcript
    .split(/^\$ /m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n');
      return { command: part.slice(0, end), output: part.slice(end + 1).replace(/\n+$/, '') };
    });
}

/** What the commands load: the same bytes each time, so that the same ids come of them. */
export async function writeArchives(folder: string): Promise<void> {
  const app = await randomImage({ seed: 'app', layers: [{ size: 300_000, kind: 'random' }, { size: 200_000 }] });
  const at = (name: string): string => join(folder, name);
  const one = async (name: string, reference: string): Promise<void> => {
    await writeDockerArchive(at(name), [{ image: await randomImage({ seed: name }), references: [reference] }]);
  };
  await writeDockerArchive(at('plain.tar'), [{ image: app, references: ['demo/app:v1', 'demo/app:v2'] }]);
  const labelled = await randomImage({ seed: 'old', config: { Labels: { purpose: 'proof' } } });
  await writeDockerArchive(at('old.tar'), [{ image: labelled, references: ['demo/old:1'] }], { layout: 'old' });
  await one('gz.tar', 'demo/gz:1');
  await one('xz.tar', 'demo/xz:1');
  await one('zst.tar', 'demo/zst:1');
  await runTool('gzip', [at('gz.tar')]);
  await runTool('xz', [at('xz.tar')]);
  await runTool('zstd', ['-q', at('zst.tar')]);
  await writeOciArchive(at('layout.tar'), [
    { content: await randomImage({ seed: 'layout' }), refName: 'demo/layout:1' },
  ]);
  const platforms = [
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64' },
  ];
  const images = await multiPlatformImage(platforms, { seed: 'index' });
  await writeOciArchive(at('index.tar'), [{ content: images, refName: 'demo/index:1' }]);
  await writeDockerArchive(at('several.tar'), [
    { image: await randomImage({ seed: 'a' }), references: ['demo/several:a'] },
    { image: await randomImage({ seed: 'b' }), references: ['demo/several:b'] },
  ]);
  await writeDockerArchive(at('unnamed.tar'), [{ image: await randomImage({ seed: 'unnamed' }) }]);
  await writeFile(at('text.txt'), 'this is no archive\n'.repeat(100));
  await runTool('bash', ['-c', `head -c 150000 plain.tar > cut.tar`], { folder });
}

async function printedBy(
  step: Step,
  host: string,
  folder: string,
  names: (printed: string) => string,
): Promise<string> {
  const { args, input = '' } = step;
  const child = spawn('docker', args, {
    cwd: folder,
    env: {
      ...{ PATH: process.env['PATH'], TZ: 'UTC', HOME: folder },
      ...{ DOCKER_CONFIG: join(folder, '.docker'), DOCKER_HOST: host },
    },
  });
  child.stdin.end(input);
  const exited = new Promise<number | null>((resolve) => child.on('close', resolve));
  const [stdout, stderr] = (await Promise.all([text(child.stdout), text(child.stderr)])).map(names) as [string, string];
  const code = await exited;
  const told = stderr.replace(/\n$/, '');
  return [
    ...linesOf(stdout, step),
    ...(told === '' ? [] : told.split('\n').map((line) => `! ${line}`)),
    ...(code === 0 ? [] : [`[exit ${code}]`]),
  ]
    .join('\n')
    .trimEnd();
}

function linesOf(stdout: string, { isReport = false, isList = false }: Step): readonly string[] {
  const lines = stdout.replace(/\n$/, '').split('\n');
  if (stdout === '') return [];
  if (isReport) return lines.map((line) => line.replace(/:.*$/, ':'));
  return isList ? lines.sort() : inOneOrder(lines);
}

/** Layers go at the same time: which is done first is chance. */
function inOneOrder(lines: readonly string[]): readonly string[] {
  const isLayer = (line: string): boolean => /^[0-9a-f]{12}: /.test(line);
  const first = lines.findIndex(isLayer);
  const layers = lines.filter((line) => isLayer(line) && !line.endsWith(': Waiting'));
  const prepared = layers.filter((line) => line.endsWith(': Preparing'));
  const done = layers.filter((line) => !line.endsWith(': Preparing')).sort();
  const rest = lines.filter((line) => !isLayer(line));
  return first < 0 ? lines : [...rest.slice(0, first), ...prepared, ...done, ...rest.slice(first)];
}

/** What is another one each time and is no id: registries, the folder, this machine's name server, times. */
function namesFor({ open, closed }: Places, folder: string): (printed: string) => string {
  return (printed) =>
    printed
      .replaceAll(open, 'open.registry')
      .replaceAll(closed, 'closed.registry')
      .replaceAll(folder, '<folder>')
      .replaceAll(/\S+docker-import-\d+/g, '<folder>')
      .replaceAll(/ on [\d.]+:53/g, '')
      // As a digest, it is the encoder's.
      .replaceAll(/(tar\.gzip",\s+"size": )\d+/g, '$1<size>')
      .replaceAll(ago, '<time>')
      .replaceAll(/\d{4}-\d\d-\d\d[T ][\d:.]+(?:Z| ?[+-]\d\d:?\d\d(?: UTC)?)?/g, '<time>')
      .replaceAll(/ {2,}/g, '  ') // columns are as wide as the times in them
      .replaceAll(/ +$/gm, '');
}

/** Ids by the order in which a command prints them, so that the same one stays the same. */
function withoutIds(printed: string): string {
  const ids: string[] = [];
  return printed.replaceAll(/\b(?:[0-9a-f]{64}|[0-9a-f]{12})\b/g, (id) => {
    const known = ids.findIndex((each) => each.startsWith(id) || id.startsWith(each));
    return `<id ${(known >= 0 ? known : ids.push(id) - 1) + 1}>`;
  });
}

const ago =
  /\b(?:About |Less than )?an? (?:second|minute|hour) ago|\b\d+ (?:second|minute|hour|day|week|month|year)s? ago/g;

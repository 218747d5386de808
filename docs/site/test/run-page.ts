import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { ShellBlock } from './shell-blocks.ts';

/** What a page is run with. */
export interface PageRun {
  /** Where it runs; its own home, too. */
  readonly folder: string;
  /** Names on the page, and what stands for them: `['ghcr.io', '127.0.0.1:41234']`. The first that fits counts. */
  readonly names: readonly (readonly [onPage: string, here: string])[];
  readonly env: Readonly<Record<string, string>>;
}

const border = '@@@@';
const bins = [
  ['slipway', 'slipway', 'bin/slipway.cjs'],
  ['slipwayd', '@slipway/server', 'bin/slipwayd.cjs'],
] as const;

/** Runs the blocks of a page in one shell, in order. Answers with what each printed, named as on the page. */
export async function runPage(blocks: readonly ShellBlock[], run: PageRun): Promise<readonly string[]> {
  const bin = join(run.folder, '.bin');
  await writePrograms(bin);
  const there = (script: string): string => run.names.reduce((all, [name, here]) => all.replaceAll(name, here), script);
  const script = [
    'set -euo pipefail',
    'exec 2>&1',
    "trap 'kill $(jobs -p) 2>/dev/null || true; wait' EXIT",
    ...blocks.flatMap((block) => [`echo '${border}'`, there(scriptOf(block))]),
  ];
  const shell = spawn('bash', ['-c', script.join('\n')], {
    cwd: run.folder,
    env: { PATH: `${bin}:${process.env['PATH']}`, HOME: run.folder, LANG: 'C.UTF-8', ...run.env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(shell, 'close') as Promise<[code: number | null]>;
  const [output, [code]] = await Promise.all([text(shell.stdout), closed]);
  const onPage = run.names.reduce((all, [name, here]) => all.replaceAll(here, name), output);
  const parts = onPage.split(`${border}\n`).slice(1);
  if (code !== 0) {
    throw new Error(`The block in line ${blocks[parts.length - 1]?.line} ended with ${code}:\n${parts.at(-1)}`);
  }
  return parts;
}

function scriptOf({ script, serves }: ShellBlock): string {
  // A block that ends the shell, as the end of a script does, ends only itself.
  if (serves === undefined) return /^exit /m.test(script) ? `(${script})` : script;
  const isReady = serves.startsWith('/')
    ? `[ -S ${serves} ]`
    : `address=${serves} && (exec 3<>/dev/tcp/\${address/://}) 2>/dev/null`;
  return `${script.trimEnd()} >/dev/null &\nuntil ${isReady}; do kill -0 $!; sleep 0.05; done`;
}

async function writePrograms(bin: string): Promise<void> {
  await mkdir(bin, { recursive: true });
  for (const [name, owner, file] of bins) {
    const program = fileURLToPath(import.meta.resolve(`${owner}/package.json`)).replace('package.json', file);
    await writeFile(join(bin, name), `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
    await chmod(join(bin, name), 0o755);
  }
}

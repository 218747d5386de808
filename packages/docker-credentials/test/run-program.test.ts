import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { createFakeHome, type FakeHome, findTool, requireTool } from '@slipway/testkit';
import ts from 'typescript';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const run = promisify(execFile);
const source = (name: string): URL => new URL(`../src/${name}.ts`, import.meta.url);

let home: FakeHome;
beforeEach(async () => {
  home = await createFakeHome();
});
afterEach(() => home[Symbol.asyncDispose]());

/** A program of its own that calls `runProgram` and prints the outcome: limits and terminals are a process's own. */
async function writeCaller({ timeoutMs = 20_000, before = '' } = {}): Promise<string> {
  const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  for (const name of ['run-program', 'windows-command']) {
    const { outputText } = ts.transpileModule(await readFile(source(name), 'utf8'), { compilerOptions });
    await home.write(`${name}.mjs`, outputText.replaceAll(".ts'", ".mjs'"));
  }
  const options = `{ args: ['get'], env: process.env, input: 'x', timeoutMs: ${timeoutMs}, maxOutput: 1000 }`;
  return await home.write(
    'caller.mjs',
    `import { runProgram } from './run-program.mjs';
${before}
const outcome = await runProgram('docker-credential-test', ${options});
process.stdout.write(JSON.stringify(outcome) + '\\n', () => process.exit());
`,
  );
}

test.skipIf(process.platform === 'win32')('no descriptor to spare is an outcome, not an exception', async () => {
  await home.helper('test', 'echo hello');
  const before = `import { openSync } from 'node:fs';
try { for (;;) openSync('/dev/null', 'r'); } catch {}`;
  const caller = await writeCaller({ before });
  const shell = 'ulimit -n 64; exec "$0" "$1"';
  const { stdout } = await run('sh', ['-c', shell, process.execPath, caller], { env: home.env });
  expect(JSON.parse(stdout)).toMatchObject({ kind: 'not-started', error: { code: 'EMFILE' } });
});

describe.skipIf(requireTool('script'))('where there is a terminal', () => {
  /** Runs the caller with a terminal of its own; `script` types `input` into it. */
  const onTerminal = async (caller: string, input: string): Promise<string> => {
    const command = `'${process.execPath}' '${caller}'`;
    const child = run(findTool('script') ?? 'script', ['-qec', command, '/dev/null'], { env: home.env });
    child.child.stdin?.end(input);
    return (await child).stdout;
  };

  test('a program may ask on it', async () => {
    await home.helper('test', `cat > /dev/null; read answer < /dev/tty; echo "heard $answer"`);
    expect(await onTerminal(await writeCaller(), 'open sesame\n')).toContain('"stdout":"heard open sesame\\n"');
  });

  test('a program that hangs is ended with its children', async () => {
    await home.helper('test', `sleep 600 & echo $! > "$HOME/child"; wait`);
    expect(await onTerminal(await writeCaller({ timeoutMs: 1_000 }), '')).toContain('"kind":"timed-out"');
    const child = Number(await home.read('child'));
    await expect.poll(() => isAlive(child)).toBe(false);
  });
});

/** A process that has ended and that nobody has asked after yet (a zombie) does not count. */
async function isAlive(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return stat !== undefined && !/\) Z /.test(stat);
}

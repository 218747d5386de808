import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { main } from './main.ts';

async function run(...args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const stream = (texts: string[]) =>
    Object.assign(
      new PassThrough({ encoding: 'utf8' }).on('data', (text: string) => texts.push(text)),
      { columns: 160 },
    );
  const host = { env: {}, stdout: stream(out), stderr: stream(err) };
  const code = await main(args, host as unknown as NodeJS.Process);
  return { code, stdout: out.join(''), stderr: err.join('') };
}

const help = 'see `slipwayd --help` and `slipwayd COMMAND --help`';

describe('wrong usage is told once, with the program’s name and what to do', () => {
  test.each<[readonly string[], message: string, hint: string]>([
    [['--retrys', '3'], "unknown option '--retrys'", 'Did you mean --retries?'],
    [['--colour'], "unknown option '--colour'", help],
    [['--data-dir'], "option '--data-dir <folder>' argument missing", help],
    [['serve', 'now'], 'too many arguments. Expected 0 arguments but got 2.', help],
    [['token', 'create', 'ci'], "required option '--scope <scope...>' not specified", help],
    [['token', 'revok', 'a'], "unknown command 'revok'", 'Did you mean revoke?'],
    [['health', '--reddy'], "unknown option '--reddy'", 'Did you mean --ready?'],
  ])('%j', async (args, message, hint) => {
    expect(await run(...args)).toEqual({ code: 2, stdout: '', stderr: `slipwayd: ${message}\n  hint: ${hint}\n` });
  });
});

describe('help says what holds when nobody sets it', () => {
  test.each([
    ['--concurrency', '(default: 5; SLIPWAYD_CONCURRENCY)'],
    ['--socket-mode', '(default: 0660; SLIPWAYD_SOCKET_MODE)'],
    ['--max-load-size', '(default: 64GiB; SLIPWAYD_MAX_LOAD_SIZE)'],
    ['--min-free', '(default: 100MB; SLIPWAYD_MIN_FREE)'],
    ['--gc-interval', '(default: 10m; SLIPWAYD_GC_INTERVAL)'],
    ['--log-level', '(default: "info"; SLIPWAYD_LOG_LEVEL)'],
    ['--tls-cert', '(SLIPWAYD_TLS_CERT)'],
    ['--schema1-fallback', '(SLIPWAYD_SCHEMA1_FALLBACK)'],
    ['--allow-registry', '(SLIPWAYD_ALLOW_REGISTRY)'],
  ])('%s: %s', async (flag, end) => {
    const { code, stdout } = await run('--help');
    const text = stdout.slice(stdout.indexOf(` ${flag} `)).split(/\n {2}--/)[0]!;
    expect([code, text.replace(/\s+/g, ' ').endsWith(` ${end}`)]).toEqual([0, true]);
  });
});

import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { settings } from './config/server-config.ts';
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

describe('an empty text is refused before anything is done, with the name of what it was given to', () => {
  const notEmpty = 'Expected a text that is not empty';
  const flags = Object.values(settings).flatMap(({ name, placeholder }) => (placeholder === undefined ? [] : [name]));
  test.each(['config', ...flags].flatMap((name) => ['', ' '].map((blank) => [name, blank])))(
    '--%s=%j',
    async (name, blank) => {
      const { code, stderr } = await run(`--${name}=${blank}`, '--check-config');
      expect([code, stderr.split(notEmpty)[0]]).toEqual([2, expect.stringContaining(`option '--${name} `)]);
    },
  );

  test.each<[readonly string[], named: string]>([
    [['--allow-registry=a.example', '--allow-registry='], '--allow-registry <host>'],
    [['health', '--at='], '--at <address>'],
    [['--config=', 'health'], '--config <file>'],
    [['token', 'create', 'ci', '--scope='], '--scope <scope...>'],
    [['token', 'create', 'ci', '--scope=load', '--expires-in= '], '--expires-in <duration>'],
    [['token', 'create', ' ', '--scope=load'], "argument 'name'"],
    [['token', 'revoke', ''], "argument 'id'"],
  ])('%j', async (args, named) => {
    const { code, stderr } = await run(...args);
    expect([code, stderr]).toEqual([2, expect.stringContaining(named)]);
    expect(stderr).toContain(notEmpty);
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

import { once } from 'node:events';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { dirname, join } from 'node:path';
import {
  randomImage,
  startRegistry,
  type TemporaryFolder,
  temporaryFolder,
  writeDockerArchive,
  writeOciLayout,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { executable, runProgram, script } from './run-cli.ts';

const unless = executable === undefined ? false : 'an executable cannot be looked into';

/** What a run evaluated of the bundle, and which of Node's own modules it loaded, beside those of an empty program. */
interface Loaded {
  readonly modules: readonly string[];
  readonly builtins: readonly string[];
}

describe.skipIf(unless)(`a command loads what it needs (${unless || 'the built program'})`, () => {
  let folder: TemporaryFolder;
  let server: Server;
  const at = (name: string): string => join(folder.path, name);
  beforeAll(async () => {
    folder = await temporaryFolder();
    const built = join(dirname(script), '..');
    await Promise.all(['bin', 'package.json'].map((name) => cp(join(built, name), at(name), { recursive: true })));
    await mkdir(at('dist'));
    const program = await readFile(join(built, 'dist/cli.cjs'), 'utf8');
    const modules = JSON.parse(await readFile(join(built, 'dist/chunks.json'), 'utf8')) as readonly string[][];
    await writeFile(at('dist/cli.cjs'), watched(program, modules));
    await writeFile(at('app.tar'), 'an archive, as far as the client knows');
    server = createServer((request, response) => {
      request.resume();
      const job = { id: '0'.repeat(24), state: 'queued', destinations: [] };
      const answer = request.method === 'POST' ? job : { jobs: [] };
      request.on('end', () => response.writeHead(request.method === 'POST' ? 201 : 200).end(JSON.stringify(answer)));
    });
    server.listen(at('s.sock'));
    await once(server, 'listening');
  });
  afterAll(async () => {
    server.close();
    await folder[Symbol.asyncDispose]();
  });

  const loaded = async (
    args: readonly string[],
    given: Readonly<Record<string, string>> = { SLIPWAY_HOST: `unix://${at('s.sock')}` },
  ): Promise<Loaded> => {
    const env = {
      ...given,
      PATH: process.env['PATH'] ?? '',
      HOME: folder.path,
      SLIPWAY_TEST_LOADED: at('loaded.json'),
      NODE_DISABLE_COMPILE_CACHE: '1',
    };
    const { code, stderr } = await runProgram([process.execPath, at('bin/slipway.cjs'), ...args], { env });
    expect(code, stderr).toBe(0);
    const { modules, builtins } = JSON.parse(await readFile(at('loaded.json'), 'utf8')) as Loaded;
    const ofNode = await builtinsOfNode();
    return { modules: namesOf(modules), builtins: builtins.filter((name) => !ofNode.includes(name)) };
  };

  test.each([
    ['slipway job list', ['job', 'list'], [...always, ...aboutJobs, ...table]],
    ['slipway job submit', ['job', 'submit', 'app.tar', 'r.test/a/b:1'], [...always, ...aboutJobs, ...submission]],
    [
      'slipway push --detach',
      ['push', 'app.tar', 'r.test/a/b:1', '--detach'],
      [...always, ...aboutJobs, ...submission],
    ],
  ])('%s', async (_, args, modules) => {
    const found = await loaded(args.map((arg) => (arg === 'app.tar' ? at(arg) : arg)));
    expect(found.modules).toEqual(namesOf(modules));
    const tooMuch = ['worker_threads', 'child_process', 'https', 'http2', 'tls', 'inspector'];
    expect(found.builtins.filter((name) => tooMuch.includes(name))).toEqual([]);
  });

  test('slipway --daemon ADDRESS job list', async () => {
    const { modules } = await loaded(['--daemon', `unix://${at('s.sock')}`, 'job', 'list'], {});
    expect(modules).toEqual(namesOf([...always, ...aboutJobs, ...table]));
  });

  test('slipway push of a few layers', async () => {
    await using registry = await startRegistry();
    const image = await randomImage({ seed: 'start', layers: [{ size: 300_000 }, {}] });
    await writeOciLayout(at('layout'), [{ content: image, refName: 'v1' }]);
    await writeDockerArchive(at('image.tar'), [{ image, references: ['demo/app:v1'] }]);
    const tooMuch = ['http', '_http_client', 'https', 'http2', 'tls', 'assert', 'perf_hooks', 'querystring'];
    const alsoTooMuch = ['worker_threads', 'child_process', 'readline/promises', 'inspector'];
    for (const source of ['layout', 'image.tar']) {
      const args = ['push', at(source), `${registry.host}/demo/app:${source}`, '--plain-http', '--quiet'];
      const { builtins, modules } = await loaded(args, {});
      expect(builtins.filter((name) => [...tooMuch, ...alsoTooMuch].includes(name))).toEqual([]);
      expect(modules.filter((name) => ['index.min', 'client-h2', 'socks5-client'].includes(name))).toEqual([]);
    }
  });
});

/** All commands and their options, what reads arguments, the environment, and where a daemon is. */
const always = wordsOf(`
  cli main program version package interruption scrubbed-output standard-input watch-outputs mask-user printable exit-code errors
  system-reason write-results learn-names shells command argument help option suggestSimilar error index esm usingCtx
  runtime option-table value-kinds optional-values table-options byte-size platform registry-list environment
  daemon-address push job job-push-options local-store-options artifact completion delete doctor images inspect load
  login logout registry rmi save tag assert-arguments kinds unknown-option json-excess fields digest grammar blank-values
  machine-limit
`);
const aboutJobs = wordsOf(`
  daemon-client daemon-exchange daemon-loss daemon-refusal event-stream parse-reference reference with-tag
  display-width
`);
const table = wordsOf('job-commands inspection-table');
/** Names, credentials, the archive, and how it goes on; no engine, no registry, nothing that compresses. */
const submission = wordsOf(`
  push-by-daemon destinations assert-no-user assert-all-tags familiar submit-job job-source source-text locate-source
  reference-hint archive-upload follow-job job-results results whole-file credential-provider credential-sources
  credential-helper credential-report config-file config-text auth-config given-credentials registry-key json-error
  mask-secrets run-program read-file-within open-regular-file windows-command abortable typed-credentials prompt
  open-progress progress progress-state rate-meter frame summary lines live-region terminal-progress plain-progress
  json-progress events duration problem advice hints in-flags registry-advice registry-facts credential-advice
  system-code surviving shared-work
`);

function wordsOf(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

/** Each name once, without what files end in. */
function namesOf(modules: readonly string[]): readonly string[] {
  return [...new Set(modules.map((name) => name.replace(/\.(?:[cm]?[jt]s|json)$/, '')))].sort();
}

/** What Node loads for a program that does nothing. */
async function builtinsOfNode(): Promise<readonly string[]> {
  const program = 'console.log(process.moduleLoadList.join())';
  const { stdout } = await runProgram([process.execPath, '-e', program], { env: { PATH: process.env['PATH'] ?? '' } });
  return stdout.split(',').map((name) => name.replace('NativeModule ', ''));
}

/** The program, made to tell which modules of it ran: those of each function that was called. */
function watched(program: string, modulesOf: readonly (readonly string[])[]): string {
  const call = 'chunks[at](exports)';
  expect(program).toContain(call);
  const tell =
    'process.on("exit",()=>require("node:fs").writeFileSync(process.env.SLIPWAY_TEST_LOADED,JSON.stringify({' +
    `modules:ran.flatMap((at)=>${JSON.stringify(modulesOf)}[at]),` +
    'builtins:process.moduleLoadList.filter((name)=>name.startsWith("NativeModule ")).map((name)=>name.slice(13))})));';
  return `const ran=[];${tell}${program.replace(call, `ran.push(at);${call}`)}`;
}

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
    await writeFile(at('dist/cli.cjs'), watched(program));
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
    return { modules, builtins: builtins.filter((name) => !ofNode.includes(name)) };
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
    expect(found.modules).toEqual([...new Set(modules)].sort());
    const tooMuch = ['worker_threads', 'child_process', 'https', 'http2', 'tls', 'inspector'];
    expect(found.builtins.filter((name) => tooMuch.includes(name))).toEqual([]);
  });

  test('slipway --daemon ADDRESS job list', async () => {
    const { modules } = await loaded(['--daemon', `unix://${at('s.sock')}`, 'job', 'list'], {});
    expect(modules).toEqual([...new Set([...always, ...aboutJobs, ...table])].sort());
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
      expect(modules.filter((name) => ['index_min', 'client_h2', 'socks5_client'].includes(name))).toEqual([]);
    }
  });
});

/** Commander, the table of options, the environment, and where a daemon is. */
const always: readonly string[] = (
  'commander argument error command help option suggestSimilar assert_arguments errors kinds environment ' +
  'exit_code watch_outputs version byte_size option_table value_kinds platform fields json_excess ' +
  'registry_list grammar digest daemon_address'
).split(' ');
const aboutJobs: readonly string[] =
  'daemon_client daemon_exchange daemon_loss daemon_refusal job parse_reference reference with_tag write_results'.split(
    ' ',
  );
const table: readonly string[] = 'job_commands inspection_table printable'.split(' ');
/** Names, credentials, the archive, and how it goes on; no engine, no registry, nothing that compresses. */
const submission: readonly string[] = (
  'push_by_daemon printable destinations assert_no_user assert_all_tags familiar submit_job job_source source_text ' +
  'locate_source reference_hint ' +
  'archive_upload follow_job job_results results whole_file credential_provider credential_sources ' +
  'credential_helper config_file auth_config given_credentials registry_key json_error mask_secrets run_program ' +
  'read_file_within open_regular_file ' +
  'windows_command abortable typed_credentials prompt open_progress progress progress_state rate_meter ' +
  'frame summary lines live_region terminal_progress plain_progress json_progress events problem ' +
  'advice hints in_flags registry_advice registry_facts credential_advice'
).split(' ');

/** What Node loads for a program that does nothing. */
async function builtinsOfNode(): Promise<readonly string[]> {
  const program = 'console.log(process.moduleLoadList.join())';
  const { stdout } = await runProgram([process.execPath, '-e', program], { env: { PATH: process.env['PATH'] ?? '' } });
  return stdout.split(',').map((name) => name.replace('NativeModule ', ''));
}

/** The program, made to tell which modules of it ran. What the entry imports at once is not wrapped, and not told. */
function watched(program: string): string {
  const wrapper = /((?:init|require)_[\w$]+)=(__esmMin|__commonJSMin)\(/g;
  expect(program).toMatch(wrapper);
  const tell =
    'process.on("exit",()=>require("node:fs").writeFileSync(process.env.SLIPWAY_TEST_LOADED,JSON.stringify({' +
    'modules:[...new Set(ran.map((name)=>name.replace(/^(?:init|require)_|[$]\\d+$/g,"")))].sort(),' +
    'builtins:process.moduleLoadList.filter((name)=>name.startsWith("NativeModule ")).map((name)=>name.slice(13))})));';
  const named = 'var ran=[],named=(name,wrap,run)=>wrap((...given)=>{ran.push(name);return run(...given)});';
  return named + tell + program.replace(wrapper, (_, name, wrap) => `${name}=named("${name}",${wrap},`);
}

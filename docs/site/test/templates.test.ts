import { execFile } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  type EmbeddedRegistry,
  randomImage,
  startRegistry,
  type TemporaryFolder,
  temporaryFolder,
  writeDockerArchive,
} from '@slipway/testkit';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { root } from '../pages.mjs';

type Texts = Readonly<Record<string, string>>;

let folder: TemporaryFolder;
let registry: EmbeddedRegistry;
beforeAll(async () => {
  folder = await temporaryFolder();
  registry = await startRegistry({ auth: { kind: 'basic', users: { me: 's3cret-word' } } });
  await mkdir(join(folder.path, 'bin'));
  const program = fileURLToPath(import.meta.resolve('slipway/package.json')).replace('package.json', 'bin/slipway.cjs');
  const npx = `#!/bin/sh\n[ "$1 $2" = "--yes slipway@0" ] || exit 99\nshift 2\nexec '${process.execPath}' '${program}' "$@"\n`;
  await writeFile(join(folder.path, 'bin/npx'), npx);
  await chmod(join(folder.path, 'bin/npx'), 0o755);
});
afterAll(async () => {
  await registry[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const template = (path: string): Promise<string> => readFile(join(root, 'templates', path), 'utf8');
const secrets = { PUSH_USER: 'me', PUSH_PASSWORD: 's3cret-word' };

/** A folder with an image, in which a script runs as a job does. */
async function workspace(): Promise<string> {
  const path = await mkdtemp(join(folder.path, 'job-'));
  const image = await randomImage({ seed: 'template', layers: [{ kind: 'text', size: 50_000 }] });
  await writeDockerArchive(join(path, 'image.tar'), [{ image, references: ['demo/app:1'] }]);
  return path;
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(
  script: string,
  cwd: string,
  env: Texts,
  args: readonly string[] = [],
  shell = 'sh',
): Promise<Ended> {
  const variables = { PATH: `${join(folder.path, 'bin')}:${process.env['PATH']}`, HOME: cwd, ...env };
  return await new Promise((resolve) => {
    execFile(shell, ['-c', script, shell, ...args], { cwd, env: variables }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

function filled(text: string, values: Texts, pattern: RegExp): string {
  return text.replaceAll(pattern, (whole, name: string) => values[name] ?? whole);
}

async function expectPushed(cwd: string, repository: string, ended: Ended): Promise<void> {
  expect(ended).toMatchObject({ code: 0 });
  const digest = (await registry.manifest(repository, '1'))?.digest;
  const image = `${registry.host}/${repository}@${digest}`;
  expect(registry.tags(repository)).toEqual(['1', 'latest']);
  expect(ended.stdout).toBe(`${image}\n${image}\n`);
  expect(await readFile(join(cwd, 'pushed.env'), 'utf8')).toBe(`PUSHED_IMAGE=${image}\nPUSHED_DIGEST=${digest}\n`);
}

const both = (repository: string): string =>
  ['1', 'latest'].map((tag) => `${registry.host}/${repository}:${tag}`).join(' ');

describe('GitLab', () => {
  test('the component pushes with the variables of the project’s registry', async () => {
    const [spec, jobs] = parseAllDocuments(await template('push.yml')).map((each) => each.toJS());
    const given: Texts = { to: '$CI_REGISTRY_IMAGE:1 $CI_REGISTRY_IMAGE:latest' };
    const inputs: Texts = Object.fromEntries(
      Object.entries(spec.spec.inputs as Record<string, { default?: string }>).map(([name, input]) => [
        name,
        given[name] ?? input.default ?? '',
      ]),
    );
    const withInputs = JSON.parse(filled(JSON.stringify(jobs), inputs, /\$\[\[ inputs\.(\w+) \]\]/g));
    expect(Object.keys(withInputs)).toEqual(['push']);
    const { variables, script, stage, image, artifacts } = withInputs.push;
    expect({ stage, image, artifacts }).toEqual({
      stage: 'deploy',
      image: 'node:24-alpine',
      artifacts: { reports: { dotenv: 'pushed.env' } },
    });
    const cwd = await workspace();
    const predefined = {
      CI_REGISTRY_IMAGE: `${registry.host}/group/app`,
      CI_REGISTRY_USER: 'me',
      CI_REGISTRY_PASSWORD: 's3cret-word',
      CI_PROJECT_DIR: cwd,
    };
    const env = Object.fromEntries(
      Object.entries(variables as Texts).map(([name, value]) => [name, filled(value, predefined, /\$(\w+)/g)]),
    );
    await expectPushed(cwd, 'group/app', await run(script.join('\n'), cwd, env));
  });
});

describe('Tekton', () => {
  test('the task pushes with the config of a workspace, and leaves its results', async () => {
    const { spec } = parse(await template('tekton/push.yaml'));
    const [step] = spec.steps;
    const cwd = await workspace();
    const auth = Buffer.from('me:s3cret-word').toString('base64');
    await writeFile(join(cwd, 'config.json'), JSON.stringify({ auths: { [registry.host]: { auth } } }));
    const values: Texts = {
      'params.source': 'image.tar',
      'params.version': '0',
      'params.image': spec.params.find(({ name }: { name: string }) => name === 'image').default,
      'workspaces.source.path': cwd,
      'workspaces.dockerconfig.bound': 'true',
      'workspaces.dockerconfig.path': cwd,
      'results.IMAGE_URL.path': join(cwd, 'url'),
      'results.IMAGE_DIGEST.path': join(cwd, 'digest'),
    };
    const fill = (text: string): string => filled(text, values, /\$\(([\w.]+)\)/g);
    expect(step.args).toEqual(['$(params.to[*])', '$(params.options[*])']);
    expect([fill(step.workingDir), fill(step.image)]).toEqual([cwd, 'node:24-alpine']);
    const env = Object.fromEntries(
      step.env.map(({ name, value }: { name: string; value: string }) => [name, fill(value)]),
    );
    const args = [...both('tekton/app').split(' '), '--compression', 'zstd', '--format', 'oci'];
    const script = fill(step.script).replaceAll('/tmp/pushed.txt', join(cwd, 'pushed.txt'));
    expect(await run(script, cwd, { ...env, HOME: cwd }, args)).toMatchObject({ code: 0 });
    const digest = (await registry.manifest('tekton/app', '1'))?.digest;
    expect(await readFile(join(cwd, 'url'), 'utf8')).toBe(`${registry.host}/tekton/app`);
    expect(await readFile(join(cwd, 'digest'), 'utf8')).toBe(digest);
  });
});

describe('Jenkins', () => {
  test('the script of the library pushes, and the step gives it each of its variables', async () => {
    const script = await template('jenkins/resources/slipway/push.sh');
    const cwd = await workspace();
    const env = { PUSH_VERSION: '0', PUSH_SOURCE: 'image.tar', PUSH_TO: both('jenkins/app'), PUSH_OPTIONS: '' };
    await expectPushed(cwd, 'jenkins/app', await run(script, cwd, { ...env, ...secrets }));
    const step = await template('jenkins/vars/slipwayPush.groovy');
    for (const [name] of script.matchAll(/\bPUSH_\w+/g)) expect(step).toContain(name);
  });

  test('a refused password is an exit code of 3, and nothing is left behind', async () => {
    const script = await template('jenkins/resources/slipway/push.sh');
    const cwd = await workspace();
    const env = { PUSH_VERSION: '0', PUSH_SOURCE: 'image.tar', PUSH_TO: both('refused/app'), PUSH_USER: 'me' };
    const ended = await run(script, cwd, { ...env, PUSH_PASSWORD: 'wrong-word' });
    expect(ended).toMatchObject({ code: 3, stdout: '' });
    await expect(readFile(join(cwd, 'pushed.env'))).rejects.toThrow('ENOENT');
    await expect(readFile(join(cwd, '.docker/config.json'))).rejects.toThrow('ENOENT');
  });
});

describe('CircleCI', () => {
  test('the command of the orb pushes, and later steps have the digest', async () => {
    const { commands, jobs } = parse(await template('circleci/orb.yml'));
    const { parameters, steps } = commands.push;
    for (const step of jobs.push.steps.filter((each: object) => 'push' in each)) {
      for (const name of Object.keys(step.push)) expect(parameters).toHaveProperty(name);
    }
    const { environment, command } = steps.find((each: object) => 'run' in each).run;
    const values: Texts = Object.fromEntries(
      Object.entries(parameters as Record<string, { default?: string }>).map(([name, each]) => [
        name,
        each.default ?? '',
      ]),
    );
    const cwd = await workspace();
    const fill = (text: string): string =>
      filled(text, { ...values, to: both('circle/app') }, /<< parameters\.(\w+) >>/g);
    const env = {
      ...Object.fromEntries(Object.entries(environment as Texts).map(([name, value]) => [name, fill(value)])),
      REGISTRY_USER: 'me',
      REGISTRY_PASSWORD: 's3cret-word',
      BASH_ENV: join(cwd, 'bash-env'),
    };
    await writeFile(env.BASH_ENV, '');
    await expectPushed(cwd, 'circle/app', await run(fill(command), cwd, env, [], 'bash'));
    expect(await readFile(env.BASH_ENV, 'utf8')).toMatch(/^export PUSHED_IMAGE=.*\nexport PUSHED_DIGEST=sha256:/);
  });
});

describe('Woodpecker', () => {
  test('the step pushes after Woodpecker’s substitution', async () => {
    const { steps } = parse(await template('woodpecker/push.yaml'));
    const [{ commands, environment }] = steps;
    const substituted = (text: string): string =>
      text
        .replaceAll(
          /(?<!\$)\$\{(\w+)[^}]*\}/g,
          (_, name: string) => ({ CI_REPO: 'wood/app', CI_COMMIT_SHA: '1' })[name] ?? '',
        )
        .replaceAll('$$', '$');
    const cwd = await workspace();
    expect(substituted(environment.PUSH_TO)).toBe('registry.example/wood/app:1');
    const env = {
      PUSH_VERSION: '0',
      PUSH_SOURCE: 'image.tar',
      PUSH_OPTIONS: '',
      PUSH_TO: both('wood/app'),
      ...secrets,
    };
    expect(Object.keys(environment).sort()).toEqual(Object.keys(env).sort());
    await expectPushed(cwd, 'wood/app', await run(commands.map(substituted).join('\n'), cwd, env));
  });
});

test('the lines of every template are those of push.sh', async () => {
  const lines = (await template('jenkins/resources/slipway/push.sh')).split('\n').filter((line) => !/^#|^$/.test(line));
  for (const path of ['push.yml', 'circleci/orb.yml', 'woodpecker/push.yaml']) {
    const text = (await template(path)).replaceAll('$$', '$');
    for (const line of lines) expect(text, path).toContain(` ${line}\n`);
  }
});

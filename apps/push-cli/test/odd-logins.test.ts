import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Misbehaviour, secretFormsIn, startRegistry, temporaryFolder } from '@slipway/testkit';
import { describe, expect, test } from 'vitest';
import { type CliResult, runCli } from './run-cli.ts';

const password = 'S3cr3t-PaSS-word';
const users = { alice: password };

describe('login', () => {
  test.each(['basic', 'bearer'] as const)(
    '%s: a wrong password is said to be that, not answered with "log in"',
    async (kind) => {
      await using registry = await startRegistry({ auth: { kind, users } });
      await using home = await temporaryFolder();
      const { code, stderr } = await login(registry.host, home.path, 'wr0ng-PaSS-word');
      expect(code).toBe(3);
      expect(stderr).toContain(`slipway: ${registry.host} does not accept this user name or password`);
      expect(stderr).not.toContain('slipway login');
      expect(secretFormsIn(stderr, ['wr0ng-PaSS-word']), stderr).toEqual([]);
      await expect(readFile(join(home.path, '.docker/config.json'))).rejects.toMatchObject({ code: 'ENOENT' });
    },
  );

  test("the token server's own reason is told", async () => {
    await using registry = await startRegistry({ auth: { kind: 'bearer', users } });
    registry.misbehave({ match: { kind: 'token' }, status: 401, body: { details: 'the account is locked' } });
    await using home = await temporaryFolder();
    const { code, stderr } = await login(registry.host, home.path, password);
    expect(code).toBe(3);
    expect(stderr).toMatch(/does not accept this user name or password: .*the account is locked/);
  });

  test('a registry that does not say how to log in was shown nothing', async () => {
    await using registry = await startRegistry();
    registry.misbehave({
      status: 401,
      body: { errors: [{ code: 'UNAUTHORIZED', message: 'authentication required' }] },
    });
    await using home = await temporaryFolder();
    const { code, stderr } = await login(registry.host, home.path, password);
    expect(code).toBe(3);
    expect(stderr).toContain('did not say how to log in, so the credentials were not shown');
    expect(registry.requests.every(({ headers }) => headers['authorization'] === undefined)).toBe(true);
  });

  test.each<[string, Misbehaviour]>([
    ['404', { status: 404, body: {} }],
    ['404 with a web page', { status: 404, body: '<html><title>Not found</title></html>' }],
    ['410, and 404 for each manifest', { match: { path: /^\/v2\/$/ }, status: 410 }],
    ['405 with a page, and 404 for each manifest', { match: { path: /^\/v2\/$/ }, status: 405, body: '<html></html>' }],
  ])('what answers %s and asks for no credentials is no registry, and nothing is stored', async (_, rule) => {
    await using registry = await startRegistry();
    registry.misbehave(rule);
    await using home = await temporaryFolder();
    const { code, stderr } = await login(registry.host, home.path, password);
    expect(code).toBe(1);
    expect(stderr).toContain(`slipway: ${registry.host} answered ${rule.status}`);
    expect(stderr).toContain('and asked for no credentials: it is no registry');
    expect(stderr).toContain("hint: check the registry's name and port");
    expect(registry.requests.every(({ headers }) => headers['authorization'] === undefined)).toBe(true);
    await expect(readFile(join(home.path, '.docker/config.json'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test.each(['basic', 'bearer'] as const)(
    '%s: a registry that asks for them first at a repository takes them',
    async (kind) => {
      await using registry = await startRegistry({ auth: { kind, users } });
      registry.misbehave({ match: { path: /^\/v2\/$/ }, status: 404 });
      await using home = await temporaryFolder();
      expect((await login(registry.host, home.path, password)).code).toBe(0);
      expect((await login(registry.host, home.path, 'wr0ng-PaSS-word')).code).toBe(3);
    },
  );

  test.each([
    ['nulls in the file', { auths: null, credHelpers: null, credsStore: null, HttpHeaders: { X: 'y' } }],
    ['an entry of the registry that is null', { auths: { 'other.test': null }, HttpHeaders: { X: 'y' } }],
  ])('%s: all else stays', async (_, config) => {
    await using registry = await startRegistry({ auth: { kind: 'basic', users } });
    await using home = await temporaryFolder();
    await mkdir(join(home.path, '.docker'));
    const file = join(home.path, '.docker/config.json');
    await writeFile(file, JSON.stringify(config));
    const { code, stderr } = await login(registry.host, home.path, password);
    expect(code, stderr).toBe(0);
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
      HttpHeaders: { X: 'y' },
      auths: { [registry.host]: { auth: expect.any(String) } },
    });
  });

  test('a file that is broken is told once as it is used, and not overwritten', async () => {
    await using registry = await startRegistry({ auth: { kind: 'basic', users } });
    await using home = await temporaryFolder();
    await mkdir(join(home.path, '.docker'));
    const file = join(home.path, '.docker/config.json');
    await writeFile(file, '{"auths":{,}}');
    const { code, stderr } = await login(registry.host, home.path, password);
    expect(code).toBe(1);
    expect(stderr.match(/warning/g)).toHaveLength(1);
    expect(stderr).toMatch(/^slipway: cannot use the credentials in .*config\.json: it is not valid JSON/m);
    expect(await readFile(file, 'utf8')).toBe('{"auths":{,}}');
  });

  test.each(['https://HOST/v2/', 'HTTP://HOST/', 'HOST/v2'])('takes %s for the registry', async (form) => {
    await using registry = await startRegistry({ auth: { kind: 'basic', users } });
    await using home = await temporaryFolder();
    const { code, stderr } = await login(form.replace('HOST', registry.host), home.path, password);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(`Logged in to ${registry.host} as alice`);
  });

  test('a name with a password in it is refused, and the password printed nowhere', async () => {
    await using home = await temporaryFolder();
    const { code, stderr, stdout } = await login(`alice:${password}@ghcr.io`, home.path, 'another-word');
    expect(code).toBe(2);
    expect(stderr).toContain('***@ghcr.io');
    expect(secretFormsIn(stderr + stdout, [password]), stderr + stdout).toEqual([]);
  });
});

async function login(registry: string, home: string, input: string): Promise<CliResult> {
  const env = { HOME: home, XDG_RUNTIME_DIR: join(home, 'run') };
  return await runCli(['login', registry, '--username', 'alice', '--password-stdin', '--verbose'], { env, input });
}

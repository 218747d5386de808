import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type SeededRandom, seededRandom, startRegistry } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { startTestDaemon, type TestResponse } from '../daemon-fixture.ts';

/** Values that no member of a request wants. */
const values: readonly unknown[] = [
  ...[null, true, -1, 1e308, 0.5, '', ' ', '\0', '\u202egnp.exe', '../../../etc/passwd', 'a'.repeat(5_000)],
  ...[[], {}, [null], [[]], { __proto__: 1 }, { constructor: { prototype: 1 } }, '$(id)', '%00', '__proto__'],
  ...['docker:///etc/passwd', 'docker://169.254.169.254/latest/meta-data:1', 'docker://[::1]:22/a', 'docker://a b'],
  ...['file:///etc/passwd', 'oci:/etc', '-', 'store:a', 'sha256:0', `a/b@sha256:${'0'.repeat(64)}`, 'A/B:C'],
];

const members: readonly string[] = [
  ...['image', 'upload', 'destinations', 'credentials', 'credentialsName', 'labels', 'priority', 'webhook', 'platform'],
  ...[
    'format',
    'protocol',
    'compression',
    'compressionLevel',
    'verify',
    'learnFrom',
    'limitRate',
    'retries',
    'timeout',
  ],
  ...['tags', 'newerThan', 'allTags', 'dryRun', '__proto__', 'constructor', 'principal', 'home', 'state'],
];

test('three hundred hostile submissions, uploads and archives are refused with a sentence', async () => {
  await using registry = await startRegistry();
  await using server = await startTestDaemon({ idleTimeoutMs: 2_000, allowRegistries: [registry.host] });
  const random = seededRandom('hostile jobs');
  const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)]!;
  const destination = `${registry.host}/hostile/app:1`;

  const submission = (): Promise<TestResponse> => {
    const body: Record<string, unknown> = { image: 'no/such:image', destinations: [destination] };
    for (let times = 1 + random.integer(3); times > 0; times -= 1) body[pick(members)] = pick(values);
    const headers =
      random.integer(4) === 0
        ? {
            'idempotency-key': String(pick(values))
              .slice(0, 300)
              .replace(/[^ -~]/g, '?'),
          }
        : {};
    return server.request('POST', `/slipway/v1/jobs${pick(['', '?wait=1ms', '?wait=-1', '?x=1'])}`, {
      headers,
      body: JSON.stringify(body),
    });
  };
  const raw = (): Promise<TestResponse> =>
    server.request('POST', '/slipway/v1/jobs', {
      body: pick(['{', '[]', 'null', '"x"', '[['.repeat(20_000), '{"image":1e999}', '\ufeff{}', '{"a":'.repeat(5_000)]),
    });
  const archive = (): Promise<TestResponse> => {
    const query = new URLSearchParams({ destination, [pick(members)]: String(pick(values)) });
    return server.request('POST', `/slipway/v1/jobs/archive?${query}`, { body: hostileArchive(random) });
  };
  const upload = async (): Promise<TestResponse> => {
    const headers = { 'upload-length': pick(['0', '9', '-1', '1e3', '99999999999999999999', '0x10', '']) };
    const made = await server.request('POST', '/slipway/v1/uploads', { headers });
    const place = made.headers.location ?? `/slipway/v1/uploads/${pick(['..', '%2e%2e%2f', 'x', '%00'])}`;
    const offset = { 'upload-offset': pick(['0', '1', '-1', 'x']), 'content-type': 'application/offset+octet-stream' };
    await server.request('PATCH', place, { headers: offset, body: 'twelve bytes' });
    const id = place.slice(place.lastIndexOf('/') + 1);
    return await server.request('POST', '/slipway/v1/jobs', {
      body: JSON.stringify({ upload: id, destinations: [destination] }),
    });
  };
  const elsewhere = (): Promise<TestResponse> => {
    const id = encodeURIComponent(String(pick(values)).slice(0, 200));
    const [method, path] = pick([
      ['GET', `jobs/${id}`],
      ['GET', `jobs/${id}/events`],
      ['POST', `jobs/${id}/retry`],
      ['DELETE', `jobs/${id}`],
      ['GET', `jobs?before=${id}&state=${id}`],
      ['GET', `jobs?limit=${id}`],
      ['GET', `pushes/${id}`],
      ['HEAD', `uploads/${id}`],
    ] as const);
    return server.request(method, `/slipway/v1/${path}`);
  };

  const kinds = [submission, submission, raw, archive, archive, upload, elsewhere];
  for (let at = 0; at < 300; at += 10) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => pick(kinds)()));
    for (const { status, body } of answers) {
      // A list that is narrowed by nonsense is an empty one.
      expect([status, body]).toEqual([expect.toSatisfy((code) => (code >= 400 && code < 500) || code === 200), body]);
      if (status === 200) expect(JSON.parse(body)).toEqual({ jobs: [] });
      else if (body !== '')
        expect(JSON.parse(body)).toMatchObject({ message: expect.any(String), code: expect.stringMatching(/^ERR_/) });
      expect(body).not.toContain(server.folder.path);
      expect(body).not.toContain('root:x:0:0');
    }
  }
  expect(JSON.parse((await server.request('GET', '/slipway/v1/jobs')).body)).toEqual({ jobs: [] });
  expect(registry.requests).toEqual([]);
  expect(server.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  const data = join(server.folder.path, 'data');
  expect(await readdir(join(data, 'spool'))).toEqual([]);
  expect((await server.request('GET', '/readyz')).body).toBe('ok\n');
});

/** Something that calls itself an archive. */
function hostileArchive(random: SeededRandom): Uint8Array {
  const kind = random.integer(6);
  if (kind === 0) return new Uint8Array(0);
  if (kind === 1) return Buffer.from('1f8b0800000000000003', 'hex'); // gzip, and nothing in it
  if (kind === 2) return Buffer.from('28b52ffd', 'hex');
  if (kind === 3) return Uint8Array.from({ length: 4_096 }, () => random.integer(256));
  const manifest = random.integer(2) === 0 ? '['.repeat(100_000) : '[{"Config":"/etc/passwd","Layers":["../../x"]}]';
  return tarOf(kind === 4 ? 'manifest.json' : '../../manifest.json', manifest);
}

/** One file in a tar. */
function tarOf(name: string, content: string): Uint8Array {
  const header = Buffer.alloc(512);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('ustar\u000000', 257);
  header.fill(' ', 148, 156);
  header.write('0', 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  const padding = Buffer.alloc((512 - (content.length % 512)) % 512);
  return Buffer.concat([header, Buffer.from(content), padding, Buffer.alloc(1_024)]);
}

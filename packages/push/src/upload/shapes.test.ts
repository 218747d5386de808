import { digestBytes } from '@slipway/digest';
import { RegistryError, registryProfile } from '@slipway/registry-client';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { provenByContent } from '../knowledge.ts';
import { ChunksRefused } from './chunks.ts';
import { type ShapeSubject, UploadShapes } from './shapes.ts';

const MiB = 1024 * 1024;
const digest = digestBytes(new Uint8Array(1));

function subject(size: number, given: Partial<ShapeSubject> = {}): ShapeSubject & { readonly acknowledged: number } {
  return { size, identity: provenByContent({ digest, size }), isKept: true, acknowledged: 0, ...given };
}

function refusal(status: number, code?: string): RegistryError {
  const diagnostics = code === undefined ? [] : [{ code, message: 'no', detail: undefined, bare: false }];
  return new RegistryError(`answered ${status}`, { code: 'ERR_REGISTRY_UNEXPECTED', status, diagnostics });
}

function shapesFor(host: string): UploadShapes {
  return new UploadShapes(registryProfile(host));
}

describe('the first choice', () => {
  test.each([
    ['a known digest', 'registry.test', subject(MiB), 'put'],
    ['an unknown digest', 'registry.test', subject(MiB, { identity: undefined }), 'stream'],
    ['more than 64 MiB', 'registry.test', subject(65 * MiB), 'chunks'],
    ['more than 64 MiB of unknown digest', 'registry.test', subject(65 * MiB, { identity: undefined }), 'stream'],
    ['the rest of what was begun', 'registry.test', subject(MiB, { identity: undefined, isBegun: true }), 'chunks'],
    [
      'more of unknown digest than Cloudflare takes',
      'registry.cloudflare.com',
      subject(96 * MiB, { identity: undefined }),
      'chunks',
    ],
    ['more than 64 MiB that cannot be read twice', 'registry.test', subject(65 * MiB, { isKept: false }), 'put'],
    ['more than 64 MiB to ECR', '1.dkr.ecr.eu-west-1.amazonaws.com', subject(65 * MiB), 'put'],
    ['more than 64 MiB to GAR', 'europe-docker.pkg.dev', subject(65 * MiB, { identity: undefined }), 'stream'],
    ['more than 100 MB to Cloudflare', 'registry.cloudflare.com', subject(100 * MiB), 'chunks'],
  ] as const)('%s', (_, host, sent, kind) => {
    expect(shapesFor(host).choose(sent)).toMatchObject({ kind });
  });
});

describe('after a refusal', () => {
  test.each([
    ['PUT 404', subject(MiB), refusal(404), { kind: 'stream' }],
    ['PUT 405', subject(MiB), refusal(405, 'UNSUPPORTED'), { kind: 'stream' }],
    ['PUT 413', subject(10 * MiB), refusal(413), { kind: 'chunks', size: 8 * MiB }],
    ['stream 411', subject(MiB, { identity: undefined }), refusal(411), 'digest first'],
    [
      'a large stream 411',
      subject(65 * MiB, { identity: undefined }),
      refusal(411),
      { kind: 'chunks', size: 32 * MiB },
    ],
    [
      'a large stream 400',
      subject(65 * MiB, { identity: undefined }),
      refusal(400),
      { kind: 'chunks', size: 32 * MiB },
    ],
    ['chunks 416', subject(65 * MiB), refusal(416), { kind: 'put' }],
    ['chunks dropped', subject(65 * MiB), new ChunksRefused('dropped'), { kind: 'put' }],
    ['chunks 413', subject(65 * MiB), refusal(413), { kind: 'chunks', size: 16 * MiB }],
  ] as const)('%s', (_, sent, error, next) => {
    const shapes = shapesFor('registry.test');
    expect(shapes.learn(shapes.choose(sent), sent, error)).toBe(true);
    const needsDigest = shapes.needsDigestFirst(sent.size, sent.isKept);
    if (typeof next === 'string') expect(needsDigest).toBe(true);
    else expect(shapes.choose(sent)).toMatchObject(next);
  });

  test.each([
    ['the repository is missing', subject(MiB), refusal(404, 'NAME_UNKNOWN')],
    ['the user may not', subject(MiB), refusal(404, 'DENIED')],
    ['the bytes were wrong', subject(65 * MiB), refusal(400, 'DIGEST_INVALID')],
    ['the server is ill', subject(MiB), refusal(500)],
    ['the session was lost after a chunk', subject(65 * MiB, { isKept: true }), refusal(404)],
    ['nothing came back', subject(MiB), new Error('reset')],
  ] as const)('nothing is learnt where %s', (_, sent, error) => {
    const shapes = shapesFor('registry.test');
    const shape = shapes.choose(sent);
    expect(shapes.learn(shape, { ...sent, acknowledged: shape.kind === 'chunks' ? MiB : 0 }, error)).toBe(false);
    expect(shapes.choose(sent)).toEqual(shape);
  });

  test('any run of refusals comes to an end', () => {
    const statuses = fc.constantFrom(400, 404, 405, 411, 413, 415, 416, 501);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 200 * MiB }),
        fc.boolean(),
        fc.infiniteStream(statuses),
        (size, isKept, answers) => {
          const shapes = shapesFor('registry.test');
          let sent = subject(size, { isKept, identity: undefined });
          for (let tries = 0; tries < 20; tries += 1) {
            if (sent.identity === undefined && shapes.needsDigestFirst(size, isKept)) sent = subject(size, { isKept });
            if (!shapes.learn(shapes.choose(sent), sent, refusal(answers.next().value))) return;
          }
          throw new Error('it goes on and on');
        },
      ),
    );
  });
});

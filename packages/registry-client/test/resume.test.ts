import { contentOf, digestBytes } from '@slipway/digest';
import { type Misbehaviour, startRegistry } from '@slipway/testkit';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openRegistry, RegistryError } from '../src/index.ts';
import { beginSession, testBytes } from './push-through.ts';

const bytes = testBytes(400_000);
const digest = digestBytes(bytes);

const fault: fc.Arbitrary<Misbehaviour> = fc.oneof(
  fc.nat({ max: 150_000 }).map((dropAfter) => ({ dropAfter })),
  fc.constant({ dropResponse: true }),
  fc.constant({ reset: true }),
  fc.constantFrom(500, 502, 503, 504, 429).map((status) => ({ status })),
  fc.constant({ omitHeaders: ['range'] }),
);

test('whatever breaks between chunks, the offset never goes back and the blob arrives whole', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat({ max: 6 }), fault), { maxLength: 4 }),
      fc.integer({ min: 20_000, max: 200_000 }),
      fc.boolean(),
      async (faults, chunkSize, inNewProcess) => {
        await using server = await startRegistry();
        for (const [after, rule] of faults) server.misbehave({ match: { method: 'PATCH' }, after, times: 1, ...rule });
        await using registry = openRegistry({ url: server.url });
        const repository = registry.repository('demo/app');
        let session = await beginSession(repository);
        let acknowledged = 0;
        for (let failures = 0; session.offset < bytes.byteLength; ) {
          const chunk = bytes.subarray(session.offset, session.offset + chunkSize);
          try {
            await session.append(contentOf(chunk));
          } catch (error) {
            expect(error).toBeInstanceOf(RegistryError);
            expect(error).toMatchObject({ transient: true });
            failures += 1;
            expect(failures).toBeLessThanOrEqual(faults.length);
            if (inNewProcess) {
              session.keep();
              session = await repository.resumeUpload(session.location);
            } else {
              await session.refresh();
            }
          }
          expect(session.offset).toBeGreaterThanOrEqual(acknowledged);
          acknowledged = session.offset;
        }
        expect(session.offset).toBe(bytes.byteLength);
        await session.commit(digest);
        await server.verify();
        expect(await repository.statBlob(digest)).toEqual({ digest, size: bytes.byteLength });
      },
    ),
    { numRuns: 60 },
  );
});

test('a session the registry let expire is lost, and a new one takes its place', async () => {
  await using server = await startRegistry();
  await using registry = openRegistry({ url: server.url });
  const repository = registry.repository('demo/app');
  const first = await beginSession(repository);
  await first.append(contentOf(bytes.subarray(0, 100_000)));
  await server.expireSessions();
  await expect(first.append(contentOf(bytes.subarray(100_000)))).rejects.toMatchObject({ code: 'ERR_SESSION_LOST' });
  await expect(repository.resumeUpload(first.location)).rejects.toMatchObject({ code: 'ERR_SESSION_LOST' });
  await using second = await beginSession(repository);
  await second.put(contentOf(bytes), digest);
  expect(server.hasBlob('demo/app', digest)).toBe(true);
});

test('sessions that were left leave nothing behind', async () => {
  await using server = await startRegistry({
    quirks: 'distribution-3',
    auth: { kind: 'bearer', users: { ann: 'correct horse' } },
  });
  const credentials = async () => ({ kind: 'basic', username: 'ann', password: 'correct horse' }) as const;
  await using registry = openRegistry({ url: server.url, credentials });
  {
    await using session = await beginSession(registry.repository('demo/app'));
    await session.append(contentOf(bytes.subarray(0, 1_000)));
    expect(server.sessions()).toHaveLength(1);
  }
  // The scope to delete was asked for once it was named, and for this alone.
  expect(server.sessions()).toEqual([]);
});

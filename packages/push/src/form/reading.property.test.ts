import { gunzipSync, gzipSync } from 'node:zlib';
import { contentOf, createGzipCompressor, digestBytes } from '@slipway/digest';
import { createMemoryLayerCache, type LayerCache } from '@slipway/layer-cache';
import { RegistryError } from '@slipway/registry-client';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { collect, countedContent } from '../../test/counted-content.ts';
import { textBytes } from '../../test/setup.ts';
import { Notes } from '../notes.ts';
import { storedProofs } from './diff-id-proofs.ts';
import type { FormReader } from './form.ts';
import type { ReadableForm } from './form-bytes.ts';
import { FormFailure } from './form-failure.ts';
import { openFormReader } from './form-reader.ts';
import { Gate } from './gate.ts';
import { MadeForm } from './made-form.ts';
import { RecentMemory } from './runs/recent-memory.ts';
import { smallLayer } from './small-layer.ts';
import { StoredForm } from './stored-form.ts';
import { UnpackCheck } from './unpack-check.ts';

const chunkSize = 1000;
const spacing = 1500;
const plain = textBytes(21, 120_000);
const diffID = digestBytes(plain);
const blockSize = 32 * 1024;
const right = await collect(createGzipCompressor({ blockSize }).compress(contentOf(plain).open()));
const identity = { digest: digestBytes(right), size: right.byteLength };

/** What happens to the bytes: from the given opening on, or in it. */
type Accident =
  | { readonly kind: 'damage' | 'truncation'; readonly opening: number; readonly at: number }
  | { readonly kind: 'break' | 'no handles'; readonly opening: number; readonly at: number };

/** What an upload does next, in parts of a thousand of the blob. */
type Step =
  | { readonly kind: 'send'; readonly length: number; readonly leaveAfter: number | undefined }
  | { readonly kind: 'again'; readonly back: number }
  | { readonly kind: 'abort'; readonly after: number }
  | { readonly kind: 'restart' | 'prove' | 'reach' };

const share = fc.integer({ min: 0, max: 1000 });
const accident: fc.Arbitrary<Accident> = fc.record({
  kind: fc.constantFrom('damage' as const, 'truncation' as const, 'break' as const, 'no handles' as const),
  opening: fc.integer({ min: 1, max: 8 }),
  at: share,
});
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant('send' as const), length: share, leaveAfter: fc.option(share, { nil: undefined }) }),
  fc.record({ kind: fc.constant('send' as const), length: fc.constant(1000), leaveAfter: fc.constant(undefined) }),
  fc.record({ kind: fc.constant('again' as const), back: share }),
  fc.record({ kind: fc.constant('abort' as const), after: share }),
  fc.record({ kind: fc.constantFrom('restart' as const, 'prove' as const, 'reach' as const) }),
);

/** Flips a bit at `place`, or at the next one where it counts: some bits of a gzip stream say nothing. */
function damaged(bytes: Uint8Array, place: number): Uint8Array {
  const flipped = bytes.map((letter, at) => (at === place ? letter ^ 1 : letter));
  return place < bytes.byteLength && unpacksRight(flipped) ? damaged(bytes, place + 1) : flipped;
}

function unpacksRight(bytes: Uint8Array): boolean {
  try {
    return digestBytes(gunzipSync(bytes)) === diffID;
  } catch {
    return false;
  }
}

/** Bytes that accidents happen to. What is damaged stays so. */
function accidental(bytes: Uint8Array, accidents: readonly Accident[]) {
  let opening = 0;
  let now = bytes;
  const placeOf = ({ at }: Accident): number => Math.floor((at / 1001) * bytes.byteLength);
  const content = countedContent(() => now, {
    chunkSize,
    before(position) {
      for (const each of accidents) {
        if (each.opening !== opening || placeOf(each) >= position + chunkSize) continue;
        if (each.kind === 'break')
          throw new RegistryError('GET failed', { code: 'ERR_REGISTRY_UNREACHABLE', transient: true });
        if (each.kind === 'no handles') throw Object.assign(new Error('too many open files'), { code: 'EMFILE' });
      }
    },
  });
  return {
    ...content,
    open(options: Parameters<typeof content.open>[0]) {
      opening += 1;
      for (const each of accidents.filter((one) => one.opening === opening)) {
        if (each.kind === 'damage') now = damaged(now, placeOf(each));
        if (each.kind === 'truncation') now = now.subarray(0, placeOf(each));
      }
      return content.open(options);
    },
  };
}

/** A registry's session, and the upload that goes into it: what of it is complete has to be right. */
class Upload {
  readonly reader: FormReader;
  readonly #taken: Uint8Array;
  offset: number;
  openings = 0;
  /** Readings that need not be asked for: to identify it, to read what lies before. */
  readonly passes: number;
  restarts = 0;
  handedOut = 0;

  constructor(reader: FormReader, resumedAt: number, passes = 1) {
    this.reader = reader;
    this.passes = passes;
    this.#taken = new Uint8Array(identity.size);
    this.#taken.set(right.subarray(0, resumedAt)); // what another process has sent is right
    this.offset = resumedAt;
  }

  async take(next: Step): Promise<void> {
    try {
      await this.#take(next);
    } catch (error) {
      if (!(error instanceof FormFailure)) {
        expect(error).toMatchObject({ message: 'enough' });
        return;
      }
      expect(this.reader.failure).toBe(error);
      if (error.mustRestart) this.#restart();
    }
  }

  async #take(next: Step): Promise<void> {
    const { size } = identity;
    const bytesOf = (part: number): number => Math.ceil((part / 1000) * size);
    switch (next.kind) {
      case 'send':
        await this.#send(bytesOf(next.length), bytesOf(next.leaveAfter ?? 1000), undefined);
        break;
      case 'again':
        this.offset = Math.max(0, this.offset - bytesOf(next.back));
        break;
      case 'abort':
        await this.#send(size, size, bytesOf(next.after));
        break;
      case 'restart':
        this.#restart();
        break;
      case 'reach':
        this.openings += 1; // one that goes back reads on from a mark before it
        await this.reader.reach(this.offset);
        break;
      case 'prove':
        if (this.offset < size) break; // it is asked before a commit
        this.openings += 1;
        expect(await this.reader.prove()).toEqual(identity);
        expect(digestBytes(this.#taken)).toBe(identity.digest);
        break;
      default:
        next satisfies never;
    }
  }

  async #send(length: number, leaveAfter: number, abortAfter: number | undefined): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    this.openings += 1;
    let taken = 0;
    for await (const chunk of this.reader.open({ from: this.offset, length, signal, reuse: true })) {
      this.#taken.set(chunk, this.offset);
      this.offset += chunk.byteLength;
      this.handedOut += chunk.byteLength;
      taken += chunk.byteLength;
      // Whoever has all bytes may believe in them.
      if (this.offset === identity.size) expect(digestBytes(this.#taken)).toBe(identity.digest);
      if (taken >= leaveAfter) break;
      if (abortAfter !== undefined && taken >= abortAfter) controller.abort(new Error('enough'));
    }
  }

  #restart(): void {
    this.offset = 0;
    this.restarts += 1;
  }

  /** Bytes that may have been read of the content at most. */
  get allowance(): number {
    const slack = chunkSize + Math.max(spacing, identity.size / 32);
    return this.handedOut + identity.size * (this.passes + 2 * this.restarts) + this.openings * 2 * slack;
  }
}

const upload = fc.record({
  accidents: fc.array(accident, { maxLength: 3 }),
  steps: fc.array(step, { minLength: 1, maxLength: 12 }),
  resumedAt: fc.oneof(fc.constant(0), share),
});

test.each(['named', 'named and unpacked', 'unnamed'] as const)(
  'a stored blob, %s, is never handed out as complete when it is not right, and is read no more than need be',
  async (kind) => {
    await fc.assert(
      fc.asyncProperty(upload, async ({ accidents, steps, resumedAt }) => {
        const content = accidental(right, accidents);
        const { signal } = new AbortController();
        const proofs = storedProofs(new Notes(undefined));
        const check =
          kind === 'named'
            ? undefined
            : new UnpackCheck({ diffID, compression: 'gzip', size: identity.size, proofs, signal });
        const form = new StoredForm(content, { identity: kind === 'unnamed' ? undefined : identity, check, signal });
        await using reader = openFormReader(form, spacing);
        const run = new Upload(reader, Math.floor((resumedAt / 1001) * identity.size), kind === 'unnamed' ? 5 : 1);
        for (const each of steps) await run.take(each);
        expect(content.handedOut()).toBeLessThanOrEqual(run.allowance);
        await content.idle();
      }),
      { numRuns: 150 },
    );
  },
);

/** A cache whose copies accidents happen to. */
function accidentalCache(cache: LayerCache, accidents: readonly Accident[]) {
  let copy: ReturnType<typeof accidental> | undefined;
  return {
    handedOut: () => copy?.handedOut() ?? 0,
    cache: {
      async find(...query) {
        const layer = await cache.find(...query);
        copy ??= accidental(right, accidents);
        const damaged = copy;
        return (
          layer && {
            ...layer,
            open: async () => ({ read: (options) => damaged.open(options), async [Symbol.asyncDispose]() {} }),
          }
        );
      },
      begin: (...layer) => cache.begin(...layer),
      remove: (...layer) => cache.remove(...layer),
    } satisfies LayerCache,
  };
}

test.each(['kept', 'growing', 'followed', 'followed in little memory', 'kept nowhere'] as const)(
  'a layer that is compressed, and %s, is never handed out as complete when it is not right',
  async (kind) => {
    const { recipe } = createGzipCompressor({ blockSize });
    await fc.assert(
      fc.asyncProperty(upload, async ({ accidents, steps, resumedAt }) => {
        await using memory = createMemoryLayerCache();
        if (kind === 'kept') {
          await using writer = await memory.begin(diffID, recipe);
          await writer?.append(right);
          await writer?.commit(identity);
        }
        const { cache, handedOut } = accidentalCache(memory, kind === 'kept' ? accidents : []);
        const content = accidental(plain, kind === 'kept' ? [] : accidents);
        const form: ReadableForm = new MadeForm({
          diffID,
          openPlain: (options) => content.open(options),
          plain: content,
          readTotal: kind.startsWith('followed') ? smallLayer + 1 : content.size,
          compressor: createGzipCompressor({ blockSize }),
          cache: kind === 'kept nowhere' ? undefined : cache,
          gate: new Gate(1),
          recentMemory: new RecentMemory(kind === 'followed' ? undefined : 40_000),
          signal: new AbortController().signal,
        });
        await using reader = openFormReader(form, spacing);
        const run = new Upload(reader, Math.floor((resumedAt / 1001) * identity.size));
        for (const each of steps) await run.take(each);
        expect(handedOut()).toBeLessThanOrEqual(run.allowance);
      }),
      { numRuns: 60 },
    );
  },
);

test('the same with a layer that zlib has made: its bytes are taken as they are', async () => {
  const bytes = gzipSync(plain);
  await using reader = new StoredForm(contentOf(bytes)).reader();
  expect(await reader.prove()).toEqual({ digest: digestBytes(bytes), size: bytes.byteLength });
});

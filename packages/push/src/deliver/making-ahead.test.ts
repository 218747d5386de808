import { setImmediate as turn } from 'node:timers/promises';
import type { LayerRecord } from '@slipway/metadata-store';
import { expect, test } from 'vitest';
import type { BlobToPush } from '../plan/blob-to-push.ts';
import type { ItemPlan } from '../plan/plan-types.ts';
import type { BlobMemory } from '../presence/memory.ts';
import { MakingAhead } from './making-ahead.ts';

const MiB = 1024 * 1024;

interface FakeLayer {
  readonly name: string;
  readonly size: number;
}

/** An image of such layers, of which a test says when each is made. */
function imageOf(layers: readonly FakeLayer[], records: Readonly<Record<string, readonly LayerRecord[]>> = {}) {
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const blobs = layers.map(({ name, size }): BlobToPush => {
    const makeAhead = (): Promise<void> => {
      begun.push(name);
      return new Promise((resolve) => ends.set(name, resolve));
    };
    const form = { recipe: 'r', readTotal: size, makeAhead } as unknown as BlobToPush['form'];
    return { key: name, form } as unknown as BlobToPush;
  });
  const config = { key: 'config', fixed: {} } as unknown as BlobToPush;
  const plan = { kind: 'image', layers: blobs, config } as unknown as ItemPlan;
  const memory = { records: async ({ key }: BlobToPush) => records[key] ?? [] } as unknown as BlobMemory;
  return { plan, memory, begun, end: (name: string) => ends.get(name)?.() };
}

const options = () => ({ claimed: new Set<string>(), places: 2, force: false });
const layers = (...names: readonly string[]): readonly FakeLayer[] => names.map((name) => ({ name, size: 1 }));

test('begins the uppermost first, so many at once, until it is stopped', async () => {
  using ahead = new MakingAhead(options());
  const { plan, memory, begun, end } = imageOf(layers('a', 'b', 'c', 'd', 'e'));
  const making = ahead.begin(plan, memory);
  await turn();
  expect(begun).toEqual(['e', 'd']);
  end('e');
  await turn();
  expect(begun).toEqual(['e', 'd', 'c']);
  making?.stop();
  end('d');
  end('c');
  await turn();
  expect(begun).toEqual(['e', 'd', 'c']);
  expect([...((await making?.records)?.keys() ?? [])]).toEqual(['a', 'b', 'c', 'd', 'e']);
});

test('leaves out what was sent anywhere, unless all is sent again', async () => {
  const records = { b: [{} as LayerRecord] };
  for (const force of [false, true]) {
    using ahead = new MakingAhead({ ...options(), places: 9, force });
    const { plan, memory, begun } = imageOf(layers('a', 'b', 'c'), records);
    ahead.begin(plan, memory);
    await turn();
    expect(begun).toEqual(force ? ['c', 'b', 'a'] : ['c', 'a']);
  }
});

test('begins 256 MiB at most, and no large layer', async () => {
  using ahead = new MakingAhead({ ...options(), places: 99 });
  const many = Array.from({ length: 20 }, (_, at) => ({ name: `${at}`, size: 15 * MiB }));
  const others = [
    { name: 'fits', size: MiB },
    { name: 'does not', size: 2 * MiB },
  ];
  const { plan, memory, begun } = imageOf([...others, ...many, { name: 'large', size: 17 * MiB }]);
  ahead.begin(plan, memory);
  await turn();
  expect(begun).toEqual([
    ...many
      .map(({ name }) => name)
      .toReversed()
      .slice(0, 17),
    'fits',
  ]);
});

test('begins nothing twice, nor what another push has claimed until that has ended', async () => {
  const shared = { ...options(), places: 9 };
  const first = new MakingAhead(shared);
  const one = imageOf(layers('a', 'b'));
  first.begin(one.plan, one.memory);
  first.begin(one.plan, one.memory);
  await turn();
  expect(one.begun).toEqual(['b', 'a']);
  using second = new MakingAhead(shared);
  const two = imageOf(layers('a', 'c'));
  second.begin(two.plan, two.memory);
  await turn();
  expect(two.begun).toEqual(['c']);
  first[Symbol.dispose]();
  expect([...shared.claimed]).toEqual(['c r']);
});

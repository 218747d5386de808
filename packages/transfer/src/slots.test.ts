import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { resolveTransferManagerOptions, type TransferManagerOptions } from './options.ts';
import { type SizeOfTransfer, Slots, type SlotTicket } from './slots.ts';

const kib = 1024;
const mib = 1024 * kib;

function open(options: TransferManagerOptions = {}) {
  const slots = new Slots(resolveTransferManagerOptions(options));
  const started: string[] = [];
  const tickets = new Map<string, SlotTicket>();
  const ask = (name: string, size?: SizeOfTransfer, host = ''): void => {
    tickets.set(name, slots.request({ size, host, start: () => started.push(name) }));
  };
  return { slots, started, ask, end: (name: string) => tickets.get(name)?.giveBack() };
}

describe('small transfers', () => {
  test('do not queue behind large ones', () => {
    const { started, ask } = open({ concurrency: 2 });
    for (const name of ['large 1', 'large 2', 'large 3']) ask(name, 100 * mib);
    for (const name of ['small 1', 'small 2']) ask(name, kib);
    expect(started).toEqual(['large 1', 'large 2', 'small 1', 'small 2']);
  });

  test('are at most six for each slot of the large ones', () => {
    const { started, ask } = open({ concurrency: 5 });
    for (let index = 0; index < 40; index += 1) ask(`small ${index}`, kib);
    expect(started).toHaveLength(30);
  });

  test('are as many for each slot as was asked for', () => {
    const { started, ask } = open({ concurrency: 5, smallPerSlot: 1 });
    for (let index = 0; index < 40; index += 1) ask(`small ${index}`, kib);
    expect(started).toHaveLength(5);
  });

  test('are those up to 4 MiB, whose size is known', () => {
    const { started, ask } = open({ concurrency: 2 });
    ask('large 1', 4 * mib + 1);
    ask('large 2');
    ask('large 3');
    ask('large 4', 4 * mib + 1);
    ask('small 1', 4 * mib);
    ask('small 2', 0);
    expect(started).toEqual(['large 1', 'large 2', 'small 1', 'small 2']);
  });

  test('stay below 24 MiB together, and none passes the one that does not fit', () => {
    const { started, ask, end } = open({ concurrency: 20 });
    for (let index = 0; index < 7; index += 1) ask(`${index}`, 3 * mib);
    ask('half', 2 * mib);
    ask('too much', 3 * mib);
    ask('would fit', kib);
    expect(started).toHaveLength(8);
    end('0');
    expect(started.slice(8)).toEqual(['too much', 'would fit']);
  });

  test('count by what they have become when they begin, and by that until they end', () => {
    const { started, ask, end } = open({ concurrency: 2 });
    const sizes = new Map<string, number>();
    for (let index = 0; index < 9; index += 1) {
      sizes.set(`${index}`, index < 8 ? 4 * mib : 40 * mib);
      ask(`${index}`, () => sizes.get(`${index}`));
    }
    expect(started).toEqual(['0', '1', '2', '3', '4', '5', '8']);
    for (const name of sizes.keys()) sizes.set(name, kib);
    end('0'); // gives 4 MiB back, which is what it began with: there is room for both
    expect(started.slice(7)).toEqual(['6', '7']);
    for (const name of sizes.keys()) end(name);
    for (let index = 0; index < 7; index += 1) ask(`next ${index}`, 4 * mib);
    expect(started.slice(9)).toHaveLength(6);
  });

  test('are those that became small while they waited for a slot of a large one', () => {
    const { started, ask } = open({ concurrency: 2 });
    let size = 40 * mib;
    for (const name of ['large 1', 'large 2']) ask(name, 40 * mib);
    ask('shrinks', () => size);
    ask('large 3', 40 * mib);
    expect(started).toEqual(['large 1', 'large 2']);
    size = kib;
    ask('small', kib);
    expect(started).toEqual(['large 1', 'large 2', 'shrinks', 'small']);
  });

  test('whoever leaves the queue lets the next one pass', () => {
    const { started, ask, end } = open({ concurrency: 20, smallTotal: 2 * mib });
    ask('first', mib);
    ask('second', mib - kib);
    ask('too much', mib);
    ask('would fit', kib);
    expect(started).toEqual(['first', 'second']);
    end('too much');
    expect(started).toEqual(['first', 'second', 'would fit']);
  });

  test('have a slot even when one of them is more than all may have together', () => {
    const { started, ask } = open({ smallSize: 10 * mib, smallTotal: 1 });
    ask('one', 5 * mib);
    ask('two', 5 * mib);
    expect(started).toEqual(['one']);
  });

  test('have no slots of their own at a concurrency of 1, or when switched off', () => {
    for (const options of [{ concurrency: 1 }, { concurrency: 1, smallSize: 0 }]) {
      const { started, ask, end } = open(options);
      ask('large', 100 * mib);
      ask('small', kib);
      expect(started).toEqual(['large']);
      end('large');
      expect(started).toEqual(['large', 'small']);
    }
    const { started, ask } = open({ concurrency: 2, smallSize: 0 });
    for (const name of ['a', 'b', 'c']) ask(name, kib);
    expect(started).toEqual(['a', 'b']);
  });
});

describe('hosts', () => {
  test('a host at its limit holds back its own and lets the others pass', () => {
    const { started, ask, end } = open({ concurrency: 3, perHost: 1 });
    ask('a1', undefined, 'a');
    ask('a2', undefined, 'a');
    ask('b1', undefined, 'b');
    ask('nowhere');
    expect(started).toEqual(['a1', 'b1', 'nowhere']);
    end('a1');
    end('a1');
    expect(started).toEqual(['a1', 'b1', 'nowhere', 'a2']);
  });
});

describe('a host that stands less than the others', () => {
  const names = (prefix: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

  test('has room for small ones in the usual measure', () => {
    const { slots, started, ask, end } = open({ concurrency: 5 });
    slots.limitHost('a', 2);
    for (const name of names('small', 14)) ask(name, kib, 'a');
    expect(started).toEqual(names('small', 12));
    for (const name of names('other', 3)) ask(name, kib, 'b');
    expect(started).toEqual([...names('small', 12), ...names('other', 3)]);
    end('small0');
    expect(started.at(-1)).toBe('small12');
    slots.limitHost('a', undefined);
    expect(started.at(-1)).toBe('small13');
  });

  test('does not let small ones pass a large one that came before them', () => {
    const { slots, started, ask, end } = open({ concurrency: 5 });
    slots.limitHost('a', 2);
    for (const name of names('small', 7)) ask(name, kib, 'a');
    ask('large', undefined, 'a');
    ask('late', kib, 'a');
    expect(started).toEqual(names('small', 7));
    end('small3');
    expect(started.slice(7)).toEqual(['large']);
    end('small4');
    expect(started.slice(8)).toEqual(['late']);
  });

  test('takes one at a time at a limit of 1', () => {
    const { slots, started, ask, end } = open({ concurrency: 5 });
    slots.limitHost('a', 1);
    ask('small', kib, 'a');
    ask('smaller', 1, 'a');
    ask('large', undefined, 'a');
    expect(started).toEqual(['small']);
    end('small');
    expect(started).toEqual(['small', 'smaller']);
    end('smaller');
    expect(started).toEqual(['small', 'smaller', 'large']);
  });
});

test('a limit lowered to 1 counts small ones that are still running', () => {
  const { slots, started, ask, end } = open({ concurrency: 2 });
  ask('small', kib);
  slots.concurrency = 1;
  ask('large', 100 * mib);
  expect(started).toEqual(['small']);
  end('small');
  expect(started).toEqual(['small', 'large']);
});

const anyStep = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('ask' as const),
      size: fc.option(fc.nat(3 * mib), { nil: undefined }),
      host: fc.constantFrom('', 'a', 'b'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('limit' as const), value: fc.integer({ min: 1, max: 6 }) }) },
);

test('whatever is asked, ended and limited: no class and no host exceeds its limit, each class is first come first served, nothing is lost', () =>
  fc.assert(
    fc.property(
      fc.array(anyStep, { maxLength: 80 }),
      fc.integer({ min: 2, max: 6 }),
      fc.integer({ min: 1, max: 3 }),
      (steps, concurrency, smallPerSlot) => {
        const slots = new Slots(
          resolveTransferManagerOptions({ concurrency, perHost: 3, smallPerSlot, smallSize: mib }),
        );
        const entries: {
          size: number | undefined;
          host: string;
          state: 'waiting' | 'active' | 'over';
          ticket?: SlotTicket;
        }[] = [];
        let limit = concurrency;
        const isSmall = (size: number | undefined): boolean => size !== undefined && size <= mib;
        const active = () => entries.filter(({ state }) => state === 'active');
        for (const step of steps) {
          if (step.kind === 'ask') {
            const entry: (typeof entries)[number] = { size: step.size, host: step.host, state: 'waiting' };
            entries.push(entry);
            entry.ticket = slots.request({
              size: entry.size,
              host: entry.host,
              start: () => {
                const sameLine = entries.filter(
                  ({ state, host, size }) =>
                    state === 'waiting' &&
                    host === entry.host &&
                    (limit === 1 || isSmall(size) === isSmall(entry.size)),
                );
                expect(sameLine[0]).toBe(entry);
                entry.state = 'active';
                expect(active().filter(({ size }) => isSmall(size) === isSmall(entry.size)).length).toBeLessThanOrEqual(
                  isSmall(entry.size) && limit > 1 ? limit * smallPerSlot : limit,
                );
                expect(active().filter(({ host }) => host !== '' && host === entry.host).length).toBeLessThanOrEqual(3);
              },
            });
          } else if (step.kind === 'end') {
            const entry = entries[step.which];
            if (entry) {
              entry.state = 'over';
              entry.ticket?.giveBack();
            }
          } else {
            limit = step.value;
            slots.concurrency = limit;
          }
        }
        while (active().length > 0) {
          const [entry] = active();
          if (!entry) break;
          entry.state = 'over';
          entry.ticket?.giveBack();
        }
        expect(entries.filter(({ state }) => state === 'waiting')).toEqual([]);
      },
    ),
  ));

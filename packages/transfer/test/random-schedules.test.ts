import { getEventListeners } from 'node:events';
import { setImmediate as settle } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTransferManager, type TransferWatch } from '../src/index.ts';

const anyStep = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('start' as const), key: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('leave' as const), which: fc.nat(40), abort: fc.boolean() }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('finish' as const), which: fc.nat(40), fail: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('settle' as const) }) },
);

interface Run {
  readonly key: string;
  readonly generation: number;
  over: boolean;
  finish(fail: boolean): void;
}

test('whoever starts, leaves and finishes when: limits hold, runs of a key never overlap, every watcher hears', () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(anyStep, { maxLength: 60 }),
      fc.integer({ min: 1, max: 4 }),
      async (steps, concurrency) => {
        const manager = createTransferManager({ concurrency });
        const violations: string[] = [];
        const runs: Run[] = [];
        const controllers: AbortController[] = [];
        const watches: {
          readonly watch: TransferWatch<string>;
          readonly controller: AbortController;
          settled: number;
        }[] = [];

        const start = (key: string): void => {
          const controller = new AbortController();
          const watch = manager.transfer(
            {
              key,
              run: ({ signal }) => {
                // Collected, since what a run throws would only fail that run.
                if (runs.filter((run) => !run.over).length >= concurrency) violations.push('too many run');
                if (runs.some((run) => run.key === key && !run.over)) violations.push(`${key} runs twice at once`);
                if (signal.aborted) violations.push(`${key} began after its cancellation`);
                return new Promise<string>((resolve, reject) => {
                  const run: Run = {
                    key,
                    generation: runs.length,
                    over: false,
                    finish(fail) {
                      if (run.over) return;
                      run.over = true;
                      if (signal.aborted) reject(signal.reason);
                      else if (fail) reject(new Error(`run ${run.generation} failed`));
                      else resolve(key);
                    },
                  };
                  runs.push(run);
                });
              },
            },
            { signal: controller.signal },
          );
          const entry = { watch, controller, settled: 0 };
          const count = (): void => {
            entry.settled += 1;
          };
          watch.result.then((value) => {
            if (value !== key) violations.push(`${key} got the result of ${value}`);
            count();
          }, count);
          watches.push(entry);
          controllers.push(controller);
        };

        for (const step of steps) {
          if (step.kind === 'start') start(`key ${step.key}`);
          else if (step.kind === 'finish') runs[step.which]?.finish(step.fail);
          else if (step.kind === 'settle') await settle();
          else if (step.abort) watches[step.which]?.controller.abort('left');
          else void watches[step.which]?.watch.release();
        }
        // Let everything that is left come to its end.
        for (let unfinished = true; unfinished; ) {
          await settle();
          const open = runs.filter((run) => !run.over);
          for (const run of open) run.finish(false);
          unfinished = open.length > 0;
        }
        await settle();
        expect(violations).toEqual([]);
        expect(watches.map(({ settled }) => settled)).toEqual(watches.map(() => 1));
        await Promise.all(watches.map(({ watch }) => watch.release()));
        for (const { signal } of controllers) expect(getEventListeners(signal, 'abort')).toHaveLength(0);
        await manager[Symbol.asyncDispose]();
      },
    ),
    { numRuns: 300 },
  ));

import { RegistryError } from '@slipway/registry-client';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { cutOffOf, PieceSize, UploadCutOff } from './cut-off.ts';
import { destinationErrorOf, isRetryable } from './retry-rules.ts';

function broken(reason: string, status?: number): RegistryError {
  return new RegistryError('PUT … failed', { code: 'ERR_REGISTRY_UNREACHABLE', reason, status, transient: true });
}

describe('cutOffOf', () => {
  test.each([
    ['a reset in the body', broken('ECONNRESET'), 100, 0, 100],
    ['a broken pipe', broken('EPIPE'), 100, 40, 60],
    ['a stall in the body', broken('timeout'), 100, 40, 60],
  ] as const)('%s is one', (_, error, sent, acknowledged, expected) => {
    expect(cutOffOf(error, { sent, acknowledged, requestSize: 1000 })).toEqual({ sent: expected });
  });

  test.each([
    ['an answer', broken('ECONNRESET', 500), 100, 1000],
    ['a reset before the body', broken('ECONNRESET'), 40, 1000],
    ['nobody there', broken('ECONNREFUSED'), 100, 1000],
    ['a certificate', broken('tls'), 100, 1000],
    ['a late answer', broken('timeout'), 100, 60],
    ['silence after a body of unknown length', broken('timeout'), 100, undefined],
    ['no failure of the registry', undefined, 100, 1000],
  ] as const)('%s is none', (_, error, sent, requestSize) => {
    expect(cutOffOf(error, { sent, acknowledged: 40, requestSize })).toBeUndefined();
  });
});

describe('PieceSize', () => {
  test('whatever gets through is found, at no less than half of it', () =>
    fc.assert(
      fc.property(
        fc.integer({ min: 8 * 1024, max: 50_000_000 }),
        fc.integer({ min: 1, max: 200_000_000 }),
        (limit, excess) => {
          const pieces = new PieceSize();
          let size = limit + excess;
          let steps = 0;
          while (size > limit) {
            expect(pieces.lower(size)).toBe(true);
            size = pieces.size;
            steps += 1;
          }
          pieces.passed();
          expect(steps).toBeLessThan(20);
          expect(size).toBeGreaterThanOrEqual(Math.min(limit, Math.max(8 * 1024, Math.floor(limit / 2) - 1024)));
        },
      ),
    ));

  test('where nothing gets through, all goes in one piece again, for good', () => {
    const pieces = new PieceSize();
    while (pieces.lower(1_000_000));
    expect(pieces.size).toBe(Number.POSITIVE_INFINITY);
    expect(pieces.lower(1_000_000)).toBe(false);
  });

  test('what got through once stays when the line is down', () => {
    const pieces = new PieceSize();
    pieces.lower(100 * 1024);
    pieces.passed();
    while (pieces.lower(1));
    expect(pieces.size).toBe(8 * 1024);
  });
});

test('the failure is as retryable as its cause, and names what was tried', () => {
  const cause = broken('ECONNRESET');
  const failure = new UploadCutOff({
    registry: 'r.test',
    cuts: 7,
    sent: 8192,
    pieceSize: 8192,
    obstacle: undefined,
    cause,
  });
  expect(failure.message).toBe('PUT … failed; cut off 7 times in a row, the last time in pieces of 8192 bytes');
  expect(failure.hint).toContain('something between here and r.test');
  expect(isRetryable(failure)).toBe(true);
  expect(destinationErrorOf(failure)).toBe(cause);
});

import { describe, expect, test } from 'vitest';
import { scrub, scrubCut } from './redact-url.ts';

const secret = 'S3cr3t/"PaSS"-wörd';
const base64 = Buffer.from(secret).toString('base64');

describe('scrub takes a secret out', () => {
  test.each([
    ['as it is', secret],
    ['in capitals', secret.toUpperCase()],
    ['in small letters', secret.toLowerCase()],
    ['in a URL', encodeURIComponent(secret)],
    ['in JSON', JSON.stringify(secret).slice(1, -1)],
    ['in base64', base64.replace(/=+$/, '')],
    ['in base64 that lost its case', base64.replace(/=+$/, '').toLowerCase()],
  ])('%s', (_, form) => {
    expect(scrub(`it was ${form}, and ${form}!`, ['x', secret])).toBe('it was <redacted>, and <redacted>!');
  });

  test('beside letters whose small form is longer', () => {
    expect(scrub(`İİ ${secret.slice(0, 10).toUpperCase()} İ`, [secret.slice(0, 10)])).toBe('İİ <redacted> İ');
  });

  test('of any length', () => {
    const state = 'aB+/'.repeat(20_000);
    expect(scrub(`state ${state} is stale`, [state])).toBe('state <redacted> is stale');
  });
});

test('what is too short to be a secret stays', () => {
  expect(scrub('push of pull', ['pul', ''])).toBe('push of pull');
});

test.each([
  ['as it is', secret],
  ['in a URL', encodeURIComponent(secret)],
  ['in base64', base64],
  ['in capitals', secret.toUpperCase()],
])('scrubCut takes out the beginning of a secret that a text ends in: %s', (_, form) => {
  expect(scrubCut(`${secret} or ${form.slice(0, 9)}`, ['x', secret])).toBe('<redacted> or <redacted>');
  expect(scrubCut(`it was ${form.slice(0, 3)}`, [secret])).toBe(`it was ${form.slice(0, 3)}`);
  expect(scrubCut(`${form.slice(0, 9)} it was`, [secret])).toBe(`${form.slice(0, 9)} it was`);
});

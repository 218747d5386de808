import { PushError } from '@slipway/push';
import { expect, test } from 'vitest';
import { errorText } from './error-text.ts';

test('a refusal that the push has put into other words is told in those', () => {
  const refused = new PushError('ERR_PUSH_FAILED', 'Could not push manifest: tag invalid', {
    op: 'push config',
    origin: 'destination',
  });
  const message = '[DEPRECATED] support for pushing manifest v2 schema1 images has been removed: tag invalid';
  expect(
    errorText(new PushError('ERR_PUSH_FAILED', message, { op: 'push config', origin: 'destination', cause: refused })),
  ).toBe(message);
  expect(errorText(refused)).toBe('Could not push manifest: tag invalid');
});

import { expect, test } from 'vitest';
import { readInputs } from './inputs.ts';

const inputs = (given: Readonly<Record<string, string>>) =>
  readInputs((name) => ({ source: 'app.tar', to: 'a/b:1', ...given })[name] ?? '');

test.each([
  ['all', 'all'],
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['10.0.0.0/8, mirror.test:5000', ['10.0.0.0/8', 'mirror.test:5000']],
])('allow-nondistributable %j reaches the client as %j', (text, value) => {
  expect(inputs({ 'allow-nondistributable': text }).client).toEqual({ allowNondistributable: value });
});

test('a list with an entry that is none is told by the name of its input', () => {
  expect(() => inputs({ 'allow-nondistributable': '10.0.0.0/99' })).toThrow(
    "The input 'allow-nondistributable' has to be",
  );
});

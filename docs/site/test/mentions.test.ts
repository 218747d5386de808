import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { OutputStream } from '../../../apps/push-cli/src/command-context.ts';
import { createProgram } from '../../../apps/push-cli/src/program.ts';
import { root } from '../pages.mjs';
import { mentionsOf } from './mentions.ts';
import { pageFiles } from './page-files.ts';

const terminal = { columns: 100 } as OutputStream;
const program = createProgram({ stdout: terminal, stderr: terminal } as Parameters<typeof createProgram>[0]);

test('commands and options that pages name exist', () => {
  const mentions = pageFiles().flatMap((path) =>
    mentionsOf(readFileSync(join(root, path), 'utf8'), program).map((mention) => ({ path, ...mention })),
  );
  expect(mentions.filter(({ fault }) => fault !== undefined)).toEqual([]);
  expect(mentions.length).toBeGreaterThan(200);
});

test.each([
  ['`slipway pull x`', 'there is no command pull'],
  ['`slipway push a b --platforms all`', '`slipway push` has no option --platforms'],
  ['```sh\necho x | slipway artifact push --nothing && true --else\n```', '`slipway push` has no option --nothing'],
  ['`slipway push a b --json | jq --raw`', undefined],
  ['`slipway --daemon unix:///x push a`', undefined],
])('%s', (page, fault) => {
  expect(mentionsOf(page, program).map((mention) => mention.fault)).toEqual([fault]);
});

// Makes action/action.yml from the table of options in @slipway/client. With `--check`: only compares.
import { kebabName, optionTable } from '../packages/client/dist/options.js';
import { settle } from './workspace.mjs';

const options = Object.entries(optionTable).filter(([, { faces }]) =>
  faces.some((face) => face === 'client' || face === 'push'),
);
const inputs = [
  [
    'source',
    'what to push: a file, a folder, or a transport such as docker-daemon:app, docker://ghcr.io/me/app:1',
    true,
  ],
  ['to', 'where to, one a line: ghcr.io/me/app:1', true],
  ['username', 'user for the registry of the destinations; without it, what docker login left counts', false],
  ['password', 'password or token of that user: a secret', false],
  ...options.map(([name, { description, kind, initial, isOn }]) => {
    const words = (isOn ? `false: ${description}` : description).replace(/,? see .*below$/, '');
    const values = kind.isSwitch ? 'true or false' : kind.expected;
    const text = `${words.replaceAll('--', '')} (${values}${initial === undefined ? '' : `; default: ${initial}`})`;
    return [kebabName(name), text, false];
  }),
];

settle(
  'action/action.yml',
  `# Made by tools/gen-action.mjs from packages/client/src/options/option-table.ts. Do not edit.
name: Push a container image
description: Pushes an image to one or more registries with Slipway, without Docker
author: Slipway
branding:
  icon: anchor
  color: blue
inputs:
${inputs.map(([name, description, required]) => `  ${name}:\n    description: ${quoted(description)}\n    required: ${required}`).join('\n')}
outputs:
  digest:
    description: digest of what the first destination has now
  digests:
    description: a JSON object of the destinations that were reached, each with its digest
runs:
  using: node24
  main: dist/index.mjs
`,
  'tools/gen-action.mjs',
);

/** As the formatter has it. */
function quoted(text) {
  return text.includes('"') ? `'${text.replaceAll("'", "''")}'` : JSON.stringify(text);
}

// Makes docs/options.md from the table of options in @slipway/client. With `--check`: only compares.
import { kebabName, optionTable } from '../packages/client/dist/options.js';
import { settle } from './workspace.mjs';

const places = {
  cli: '`slipway push`',
  client: '`createClient`',
  push: '`client.push`',
  daemon: '`slipwayd`',
  job: 'jobs',
  docker: 'docker’s push by the daemon',
};
const rows = Object.entries(optionTable).map(([name, entry]) => {
  const { kind, initial, faces, placeholder = '', isOn, short, description } = entry;
  const flag =
    `${short === undefined ? '' : `-${short}, `}--${isOn ? 'no-' : ''}${kebabName(name)} ${placeholder}`.trim();
  const values = kind.isSwitch ? 'on or off' : kind.choices === undefined ? kind.expected : kind.choices.join(', ');
  const cells = [`\`${name}\``, `\`${flag}\``, description, values, initial === undefined ? '' : `\`${initial}\``];
  return `| ${[...cells, faces.map((face) => places[face]).join(', ')].map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
});

settle(
  'docs/options.md',
  `# Options of a push

One table for the program, the client and the daemon: an option has one name, one meaning and one default wherever it can be
set. In TypeScript and in the jobs API it is written as in the first column; as a flag, and among the daemon's settings, with
dashes. The client takes values as they are typed (\`'2MiB'\`, \`'90s'\`, \`'linux/arm64'\`), and numbers in bytes and milliseconds.

<!-- Made by tools/gen-options.mjs from packages/client/src/options/option-table.ts. Do not edit. -->

| Name | Flag | What it does | Values | Default | Where |
| --- | --- | --- | --- | --- | --- |
${rows.join('\n')}
`,
  'tools/gen-options.mjs',
);

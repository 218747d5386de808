// Makes docs/commands.md from what `slipway help COMMAND` and `slipwayd --help` print. With `--check`: only compares.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import './typescript-loader.mjs';
import { root, settle } from './workspace.mjs';

const { helpTextOf, namedCommands } = await import('../apps/push-cli/src/manual/help-text.ts');
const { createProgram } = await import('../apps/push-cli/src/program.ts');

const wide = { columns: 100 };
const program = createProgram({ stdout: wide, stderr: wide });
const ofSlipway = namedCommands(program).map(({ name, command }) => section(name, helpTextOf(command).whole));
const ofDaemon = [[], ['token'], ['token', 'create']].map((words) =>
  section(['slipwayd', ...words].join(' '), helpOfDaemon(words)),
);

settle(
  'docs/commands.md',
  `# Commands

What each command prints for \`--help\`. The package has the same as manual pages (\`man slipway-push\`), and completions for bash, zsh and fish.
Options that the command line, the client and the daemon share are in [one table](options.md).

<!-- Made by tools/gen-commands.mjs from the programs. Do not edit. -->

${[...ofSlipway, ...ofDaemon].join('\n')}`,
  'tools/gen-commands.mjs',
);

function section(name, help) {
  return `## ${name}\n\n\`\`\`text\n${help}\n\`\`\`\n`;
}

function helpOfDaemon(words) {
  const daemon = join(root, 'apps/push-server/bin/slipwayd.cjs');
  const { stdout, status, stderr } = spawnSync(process.execPath, [daemon, ...words, '--help'], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`slipwayd ${words.join(' ')} --help failed: ${stderr}`);
  return stdout.trimEnd();
}

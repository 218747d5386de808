// Writes manual pages and completion scripts into dist/, out of the program's own definition. A step of the build.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { completionScript } from '../src/completion/completion-script.ts';
import { shells } from '../src/completion/shells.ts';
import { namedCommands } from '../src/manual/help-text.ts';
import { fileNameOf, manualPage } from '../src/manual/manual-page.ts';
import { createProgram } from '../src/program.ts';

const dist = new URL('../dist/', import.meta.url);
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const program = createProgram({ stdout: { columns: 100 }, stderr: { columns: 100 } });
const fileNames = { bash: 'slipway', zsh: '_slipway', fish: 'slipway.fish' };

for (const folder of ['man', 'completions']) mkdirSync(new URL(folder, dist), { recursive: true });
for (const shell of shells) {
  writeFileSync(new URL(`completions/${fileNames[shell]}`, dist), completionScript(shell, program));
}
const commands = namedCommands(program);
for (const { name, command } of commands) {
  const seeAlso = commands.map((each) => each.name).filter((each) => each !== name);
  writeFileSync(new URL(`man/${fileNameOf(name)}.1`, dist), manualPage(name, command, { version, seeAlso }));
}

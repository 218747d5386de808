'use strict';

/**
 * What `--version` answers, alone, with `--verbose` or with `--licenses`; undefined where anything else is asked.
 * Scripts ask often: nothing of the program is loaded for it.
 */
exports.about = (args, program) => {
  const asked = args.map((arg) => (arg === '-V' ? '--version' : arg));
  if (!asked.includes('--version') || asked.length > 2) return undefined;
  const [other] = asked.filter((arg) => arg !== '--version');
  if (asked.length === 1) return `${program.version}\n`;
  if (other === '--licenses') return program.notices();
  if (other !== '--verbose') return undefined;
  const lines = [`${program.name} ${program.version}`, `runtime   ${runtime()}`];
  lines.push(`undici    ${program.bundled().undici}`, `platform  ${process.platform}/${process.arch}`);
  return `${lines.join('\n')}\n`;
};

/**
 * Writes it to standard output, and says so where that cannot be done, in the words of the whole program. A reader that
 * went away wants none.
 */
exports.print = (answer, { name }) => {
  const { stdout, stderr } = process;
  stderr.on('error', () => {});
  stdout.once('error', ({ code, message }) => {
    stdout.on('error', () => {});
    if (code === 'EPIPE') return;
    process.exitCode = 1;
    const hint = 'check where standard output leads';
    stderr.write(`${name}: standard output cannot be written: ${message}\n  hint: ${hint}\n`);
  });
  stdout.write(answer);
};

function runtime() {
  const { Bun, Deno } = globalThis;
  if (Bun !== undefined) return `Bun ${Bun.version}${Bun.isStandaloneExecutable ? ', in this executable' : ''}`;
  return Deno === undefined ? `Node.js ${process.versions.node}` : `Deno ${Deno.version.deno}`;
}

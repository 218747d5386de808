// `pnpm push SOURCE DESTINATION...` is `slipway push …`; without arguments it shows a whole push on what the checkout
// has.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const given = process.argv.slice(2);
const args = given[0] === '--' ? given.slice(1) : given; // pnpm hands a separating `--` on
const script =
  args.length === 0 ? ['examples/first-push/first-push.mjs'] : ['apps/push-cli/bin/slipway.cjs', 'push', ...args];
const [file, ...rest] = script;

const child = spawn(process.execPath, [`${root}${file}`, ...rest], {
  stdio: 'inherit',
  cwd: process.env.INIT_CWD ?? process.cwd(),
});
// the child has them too, and decides
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => {});
child.on('error', (error) => {
  process.stderr.write(`push: ${error.message}\n`);
  process.exitCode = 1;
});
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === 'SIGINT' ? 130 : 1);
});

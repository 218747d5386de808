// Runs before a package is packed: without what the build makes, its exports would point at nothing.
import { existsSync } from 'node:fs';

if (!existsSync('dist')) {
  console.error('dist/ is missing: run `pnpm build` before you pack or publish');
  process.exitCode = 1;
}

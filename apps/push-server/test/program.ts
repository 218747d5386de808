import { fileURLToPath } from 'node:url';

const executable = process.env['SLIPWAY_TEST_DAEMON'] || undefined;

/** How slipwayd is called: as npm puts it on PATH, or the executable that is tested in its place. */
export const program: readonly [command: string, ...args: string[]] =
  executable === undefined
    ? [process.execPath, fileURLToPath(new URL('../bin/slipwayd.cjs', import.meta.url))]
    : [executable];

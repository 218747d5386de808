import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { version } from '../version.ts';
import type { Check, Finding } from './check.ts';

/** The program, the machine, and whether anything can be kept from one run to the next. */
export const checkProgram: Check = {
  name: 'program',
  async run({ context: { environment } }) {
    const { dataFolder, homeFolder } = environment;
    const { bun, deno, node } = process.versions;
    const runtime = bun !== undefined ? `Bun ${bun}` : deno !== undefined ? `Deno ${deno}` : `Node ${node}`;
    const facts = {
      version,
      runtime,
      node,
      platform: `${process.platform}/${process.arch}`,
      dataFolder,
      homeFolder,
    };
    const summary = `slipway ${version}, ${runtime}, ${facts.platform}`;
    if (dataFolder === undefined) {
      return {
        status: 'warning',
        summary: `${summary}; this user has no home folder, so nothing is remembered from one run to the next`,
        facts,
        advice: 'name a folder in SLIPWAY_DATA_DIR',
      };
    }
    const problem = await writeProblem(dataFolder);
    if (problem === undefined)
      return { status: 'ok', summary, notes: [`data in ${dataFolder}`], facts } satisfies Finding;
    return {
      status: 'warning',
      summary: `${summary}; the data folder ${dataFolder} cannot be written: ${problem}`,
      facts,
      advice: 'check the permissions, or name another folder in SLIPWAY_DATA_DIR',
    };
  },
};

/** Why nothing can be written in a folder, or where it is to be made; nothing is written to find out. */
async function writeProblem(folder: string): Promise<string | undefined> {
  for (let place = folder; ; place = dirname(place)) {
    try {
      if (!(await stat(place)).isDirectory()) return `${place} is no folder`;
      await access(place, constants.W_OK | constants.X_OK);
      return undefined;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' || dirname(place) === place) return code ?? String(error);
    }
  }
}

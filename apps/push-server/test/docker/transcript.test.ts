import { readFile, writeFile } from 'node:fs/promises';
import { findTool, startRegistry, temporaryFolder } from '@slipway/testkit';
import { expect, test } from 'vitest';
import { startTestDaemon } from '../daemon-fixture.ts';
import { formatTranscript, type Passage, parseTranscript, runTranscript, writeArchives } from './transcript.ts';
import { differences } from './transcript-differences.ts';

const fileOf = (name: string): URL => new URL(`transcripts/${name}.txt`, import.meta.url);
/** The address of a running dockerd, whose transcript is to be taken anew: see tools/record-dockerd.sh. */
const dockerd = process.env['SLIPWAY_RECORD_DOCKERD'];
/** Takes the transcript of slipwayd anew, for whoever changes what it says. */
const isRecording = process.env['SLIPWAY_RECORD_SLIPWAYD'] !== undefined;

async function transcriptOf(host: string): Promise<readonly Passage[]> {
  await using folder = await temporaryFolder();
  await using open = await startRegistry();
  const allow = (_user: string | undefined, repository: string): boolean => repository !== 'not/mine';
  await using closed = await startRegistry({ auth: { kind: 'bearer', users: { me: 'secret' }, allow } });
  await writeArchives(folder.path);
  return await runTranscript(host, folder.path, { open: open.host, closed: closed.host });
}

async function recorded(name: string): Promise<readonly Passage[]> {
  return parseTranscript(await readFile(fileOf(name), 'utf8'));
}

if (dockerd !== undefined) {
  test('the transcript of dockerd is taken anew', { timeout: 600_000 }, async () => {
    await writeFile(fileOf('dockerd'), formatTranscript(await transcriptOf(dockerd)));
  });
} else if (findTool('docker') !== undefined) {
  test('the docker client prints of slipwayd what is recorded', { timeout: 300_000 }, async () => {
    await using server = await startTestDaemon({ retries: 1 });
    const passages = await transcriptOf(`unix://${server.socket}`);
    if (isRecording) await writeFile(fileOf('slipwayd'), formatTranscript(passages));
    expect(passages).toEqual(await recorded('slipwayd'));
  });
}

test('what is recorded of slipwayd is what is recorded of dockerd, but for differences that have a name', async () => {
  const theirs = await recorded('dockerd');
  const ours = await recorded('slipwayd');
  const page = await readFile(new URL('../../../../docs/slipwayd/docker.md', import.meta.url), 'utf8');
  expect(ours.map(({ command }) => command)).toEqual(theirs.map(({ command }) => command));
  const used = new Set<string>();
  for (const [at, { command, output }] of ours.entries()) {
    const their = theirs[at]?.output ?? '';
    if (their === output) continue;
    const named = differences.filter(({ commands }) => commands.test(command));
    const masked = (text: string): string =>
      named.reduce((rest, { within }) => (within === undefined ? '' : rest.replaceAll(within, '')), text);
    expect([command, masked(output).trimEnd()]).toEqual([command, masked(their).trimEnd()]);
    for (const { name } of named) used.add(name);
  }
  expect([...used].sort()).toEqual([...new Set(differences.map(({ name }) => name))].sort());
  for (const name of used) expect(page).toContain(`| \`${name}\` |`);
});

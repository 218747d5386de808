// Keeps docs/seeds.md true: each function of the four documents has a row; each row names a file and a symbol that is
// in it, a test that is in its file, and says `same`, `better` with a decision, or `open` with what is missing.
// `--strict` refuses open rows; `--self-test` makes sure that bad pages are refused.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root } from './workspace.mjs';

const page = 'docs/seeds.md';

/** The functions of the documents, in their order. */
const functions = {
  'push_v2, recent and older':
    'newPusher push Push pushRepository pushV2Repository pushTag pushV2Tag manifestFromBuilder Key ID DiffID Upload SetRemoteDescriptor Descriptor uploadUsingSession layerAlreadyExists getMaxMountAndExistenceCheckAttempts getRepositoryMountCandidates Less Swap Len sortV2MetadataByLikenessAndAge numOfMatchingPathComponents getPathComponents cancelLayerUpload',
  'graph/push, March 2015':
    'getImageList getImageTags createImageIndex lookupImageOnEndpoint pushImageToEndpoint pushRepository pushImage pushV2Repository pushV2Image CmdPush',
  'push_v1 with the transfer manager, December 2015':
    'Push newV1TopImage Config Layer V1ID newV1DependencyImage getImageList imageListForTag generateDependencyImages createImageIndex lookupImageOnEndpoint pushImageToEndpoint pushRepository pushImage',
};

if (process.argv.includes('--self-test')) selfTest();
else report();

function report() {
  const text = readFileSync(join(root, page), 'utf8');
  const { problems, open, rows } = check(text, (path) => read(join(root, 'docs', path)));
  const isStrict = process.argv.includes('--strict');
  for (const problem of problems) console.error(`${page}: ${problem}`);
  for (const row of open) (isStrict ? console.error : console.log)(`${page}: open: ${row}`);
  if (problems.length === 0) console.log(`seeds: ${rows} rows, ${open.length} open`);
  process.exitCode = problems.length > 0 || (isStrict && open.length > 0) ? 1 : 0;
}

/**
 * @param readLinked the text of a file that the page links to, by its path from the page; undefined where there is none
 */
function check(text, readLinked) {
  const problems = [];
  const open = [];
  let rows = 0;
  let section = '';
  const seen = new Map();
  for (const [at, line] of text.split('\n').entries()) {
    if (line.startsWith('## ')) section = line.slice(3);
    if (!line.startsWith('| ') || /^\| (?:Of the original|---)/.test(line)) continue;
    rows += 1;
    const cells = line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('\\|', '|'));
    const add = (problem) => problems.push(`line ${at + 1}: ${problem}`);
    if (cells.length !== 4) {
      add(`expected 4 cells, got ${cells.length}`);
      continue;
    }
    const [original, here, test, verdict] = cells;
    for (const [, name] of original.matchAll(/`([A-Za-z0-9_]+)`/g)) {
      seen.set(section.toLowerCase(), (seen.get(section.toLowerCase()) ?? new Set()).add(name));
    }
    for (const [what, cell] of [
      ['symbol', here],
      ['test', test],
    ]) {
      const links = [...cell.matchAll(/\[([^\]]+(?:\[[^\]]*\][^\]]*)?)\]\(([^)]+)\)/g)];
      if (links.length === 0) add(`no ${what}`);
      for (const [, label, path] of links) {
        const linked = readLinked(path);
        const name = label.replace(/^`(.*)`$/, '$1');
        if (linked === undefined) add(`${path} is not there`);
        else if (!linked.includes(name)) add(`${path} has no ${what} ${JSON.stringify(name)}`);
        if (what === 'test' && !/\.test\.ts$|suite\.ts$/.test(path)) add(`${path} is no test`);
      }
    }
    if (verdict.startsWith('open: ') && verdict.length > 6) open.push(`${original}: ${verdict.slice(6)}`);
    else if (verdict.startsWith('better: ')) {
      const decisions = [...verdict.matchAll(/\]\(([^)]+)\)/g)];
      if (decisions.length === 0) add('better, and no decision says why');
      for (const [, path] of decisions) if (readLinked(path) === undefined) add(`${path} is not there`);
    } else if (verdict !== 'same') add(`expected same, better or open, got ${JSON.stringify(verdict)}`);
  }
  for (const [name, list] of Object.entries(functions)) {
    const known = seen.get(name.toLowerCase()) ?? new Set();
    for (const missing of list.split(' ').filter((one) => !known.has(one)))
      problems.push(`${name}: no row for ${missing}`);
  }
  return { problems, open, rows };
}

function read(path) {
  return existsSync(path) && dirname(path).startsWith(root) ? readFileSync(path, 'utf8') : undefined;
}

function selfTest() {
  const files = { 'a.ts': 'export function push() {}', 'a.test.ts': "test('pushes', …)", 'decisions/0001-x.md': '' };
  const good = (section) =>
    `## ${section}\n| Of the original | Here | Test | As the original |\n| --- | --- | --- | --- |\n${functions[section]
      .split(' ')
      .map((name) => `| \`${name}\` | [\`push\`](a.ts) | [pushes](a.test.ts) | same |`)
      .join('\n')}`;
  const page = Object.keys(functions).map(good).join('\n');
  const row = '| `Len` | [`push`](a.ts) | [pushes](a.test.ts) | same |';
  const changes = [
    ['no row for Len', ''],
    ['no symbol', row.replace('[`push`](a.ts)', 'push')],
    ['no test', row.replace('[pushes](a.test.ts)', '')],
    ['has no symbol', row.replace('`push`', '`pull`')],
    ['has no test', row.replace('[pushes]', '[pulls]')],
    ['is not there', row.replace('(a.ts)', '(b.ts)')],
    ['is no test', row.replace('[pushes](a.test.ts)', '[push](a.ts)')],
    ['no decision says why', row.replace('same', 'better: because')],
    ['is not there', row.replace('same', 'better: [0002](decisions/0002-y.md)')],
    ['expected same', row.replace('same', 'perhaps')],
    ['expected 4 cells', row.replace('| same ', '')],
  ];
  const problemsOf = (text) => check(text, (path) => files[path]);
  const failures = changes.flatMap(([expected, changed]) =>
    problemsOf(page.replace(row, changed)).problems.some((problem) => problem.includes(expected))
      ? []
      : [`not refused (${expected}): ${changed}`],
  );
  const { problems, open } = problemsOf(page.replace(row, row.replace('same', 'open: later')));
  if (problems.length > 0 || open.length !== 1) failures.push(`a good page was refused: ${problems.join('; ')}`);
  for (const failure of failures) console.error(failure);
  if (failures.length === 0) console.log(`seeds: ${changes.length} bad pages refused, a good one let through`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

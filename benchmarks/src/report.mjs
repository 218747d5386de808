import { median } from './median.mjs';
import { mergeMemory } from './memory.mjs';

/**
 * Median, fewest and most of what the runs of each program in each case gave, with the ratio to the best of the others.
 */
export function summarize(results) {
  return results.map(({ title, form, image, limit, measured }) => {
    const rows = [...measured].map(([program, figures]) => ({
      program,
      runs: figures.length,
      wall: median(figures.map(({ wall }) => wall)),
      cpu: median(figures.map(({ cpu }) => cpu)),
      main: median(figures.map(({ main }) => main)),
      peak: Math.max(...figures.map(({ peak }) => peak ?? 0)) || undefined,
      memory: mergeMemory(figures.map(({ memory }) => memory)),
      requests: median(figures.map(({ requests }) => requests)),
      byKind: figures[0]?.byKind,
      stored: median(figures.map(({ stored }) => stored)),
    }));
    const peers = rows.filter(({ program }) => !isOwn(program));
    const ratio = (row, figure) => {
      const values = peers.map((peer) => peer[figure]).filter((value) => value !== undefined);
      const best = Math.min(...values);
      // GNU time tells hundredths of a second: of what took fewer there is no ratio.
      return row[figure] === undefined || values.length === 0 || best === 0 ? undefined : row[figure] / best;
    };
    const compared = rows.map((row) =>
      isOwn(row.program) ? { ...row, wallRatio: ratio(row, 'wall'), cpuRatio: ratio(row, 'cpu') } : row,
    );
    return { title, form, image, limit, rows: compared };
  });
}

/** Slipway, in one way or another. */
function isOwn(program) {
  return program.startsWith('slipway');
}

/** The table a person reads. */
export function markdown(summary, { machine, date, peers }) {
  const lines = [
    `Measured ${date} on ${machine}. Whole processes, in turn, medians; ratios are Slipway to the best of the others. \`Main %\` is the main thread's part of Slipway's CPU time, in a run of its own that is not timed.`,
    '',
    ...peers.map((line) => `- ${line}`),
    '',
    '| Case | Source | Program | Wall s | CPU s | Main % | Peak MB | Requests | Stored MB | Wall ratio | CPU ratio |',
    '| --- | --- | --- | --: | --: | --: | --: | --: | --: | --: | --: |',
  ];
  for (const { title, form, rows } of summary) {
    for (const [at, row] of rows.entries()) {
      const { program, wall, cpu, main, peak, requests, stored, wallRatio, cpuRatio } = row;
      const cells = [
        at === 0 ? title : '',
        at === 0 ? form : '',
        program,
        fixed(wall, 2),
        fixed(cpu, 2),
        isOwn(program) ? fixed(main === undefined ? undefined : main * 100, 0) : '',
        fixed(peak === undefined ? undefined : peak / 1e6, 0),
        fixed(requests, 0),
        fixed(stored / 1e6, 1),
        isOwn(program) ? fixed(wallRatio, 2) : '',
        isOwn(program) ? fixed(cpuRatio, 2) : '',
      ];
      lines.push(`| ${cells.join(' | ')} |`);
    }
  }
  return `${[...lines, ...memoryTable(summary)].join('\n')}\n`;
}

/** The memory over the run, of the cases that look at it. */
function memoryTable(summary) {
  const lines = summary.flatMap(({ title, form, rows }) =>
    rows
      .filter(({ memory }) => memory !== undefined)
      .map(({ program, memory }, at) => {
        const { most, median, tenths } = memory;
        const sizes = [most, median, ...tenths].map((bytes) => fixed(bytes === undefined ? undefined : bytes / 1e6, 0));
        return `| ${[at === 0 ? title : '', at === 0 ? form : '', program, ...sizes].join(' | ')} |`;
      }),
  );
  if (lines.length === 0) return [];
  const tenths = Array.from({ length: 10 }, (_, at) => `${at + 1}`);
  return [
    '',
    'Memory over the run, in MB, read every 20 ms: the most, the median, and the median in each tenth of the run.',
    '',
    `| ${['Case', 'Source', 'Program', 'Most', 'Median', ...tenths].join(' | ')} |`,
    `| --- | --- | --- |${' --: |'.repeat(12)}`,
    ...lines,
  ];
}

function fixed(value, digits) {
  return value === undefined || Number.isNaN(value) ? '–' : value.toFixed(digits);
}

import { median } from './measure.mjs';

/** Median, fewest and most of what the runs of each program in each case gave, with the ratio to the best of the others. */
export function summarize(results) {
  return results.map(({ title, form, image, limit, runs }) => {
    const rows = [...runs].map(([program, figures]) => ({
      program,
      runs: figures.length,
      wall: median(figures.map(({ wall }) => wall)),
      cpu: median(figures.map(({ cpu }) => cpu)),
      peak: Math.max(...figures.map(({ peak }) => peak ?? 0)) || undefined,
      requests: median(figures.map(({ requests }) => requests)),
      byKind: figures[0]?.byKind,
      stored: median(figures.map(({ stored }) => stored)),
    }));
    const own = rows.find(({ program }) => program === 'slipway');
    const peers = rows.filter(({ program }) => program !== 'slipway');
    const ratio = (figure) => {
      const values = peers.map((row) => row[figure]).filter((value) => value !== undefined);
      return own?.[figure] === undefined || values.length === 0 ? undefined : own[figure] / Math.min(...values);
    };
    return { title, form, image, limit, rows, wallRatio: ratio('wall'), cpuRatio: ratio('cpu') };
  });
}

/** The table a person reads. */
export function markdown(summary, { machine, date }) {
  const lines = [
    `Measured ${date} on ${machine}. Whole processes, in turn, medians; ratios are Slipway to the best of the others.`,
    '',
    '| Case | Source | Program | Wall s | CPU s | Peak MB | Requests | Stored MB | Wall ratio | CPU ratio |',
    '| --- | --- | --- | --: | --: | --: | --: | --: | --: | --: |',
  ];
  for (const { title, form, rows, wallRatio, cpuRatio } of summary) {
    for (const { program, wall, cpu, peak, requests, stored } of rows) {
      const isOwn = program === 'slipway';
      const cells = [
        isOwn ? title : '',
        isOwn ? form : '',
        program,
        fixed(wall, 2),
        fixed(cpu, 2),
        fixed(peak === undefined ? undefined : peak / 1e6, 0),
        fixed(requests, 0),
        fixed(stored / 1e6, 1),
        isOwn ? fixed(wallRatio, 2) : '',
        isOwn ? fixed(cpuRatio, 2) : '',
      ];
      lines.push(`| ${cells.join(' | ')} |`);
    }
  }
  return `${lines.join('\n')}\n`;
}

function fixed(value, digits) {
  return value === undefined || Number.isNaN(value) ? '–' : value.toFixed(digits);
}

// What each blob of a push did when, and what it waited for, under an axis of time.
import { duration, element } from './format.js';
import { labelOf, rowText, story } from './rows.js';

const legend = [
  ['checking', 'asks the registry'],
  ['waiting', 'waits'],
  ['reading', 'compresses'],
  ['sending', 'is sent'],
  ['retrying', 'waits to retry'],
];
const mostTicks = 6;

/** The distance of ticks: 1, 2 or 5 times a power of ten, or whole minutes and hours. */
function tickStep(ms) {
  const steps = [
    1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 3e4, 6e4, 12e4, 3e5, 6e5, 12e5, 36e5, 72e5,
  ];
  return steps.find((step) => ms / step <= mostTicks) ?? ms / mostTicks;
}

function tickText(ms) {
  if (ms === 0) return '0';
  if (ms < 1000) return `${ms} ms`;
  return ms < 60_000 ? `${ms / 1000} s` : duration(ms).replace(' 0 s', '');
}

/** Of a push with its rows, as `/slipway/v1/pushes/{id}` tells it. */
export function timelineOf(push) {
  const { rows } = push;
  if (rows.length === 0) return element('p', { class: 'empty' }, 'Nothing has been done for it yet.');
  const spans = rows.flatMap((row) => row.spans);
  const start = Math.min(push.startedAt, ...spans.map(({ from }) => from));
  const end = Math.max(start + 1, ...spans.map(({ to }) => to));
  const part = (time) => `${((time - start) / (end - start)) * 100}%`;
  const several = new Set(rows.map(({ destination }) => destination)).size > 1;
  const labels = new Map(rows.map((row) => [row.key, `${labelOf(row)}${several ? ` to ${row.destination}` : ''}`]));
  const used = new Set(spans.map(({ phase }) => phase));
  const colours = legend.filter(([phase]) => used.has(phase));

  const axis = element('div', { class: 'axis', 'aria-hidden': 'true' });
  const step = tickStep(end - start);
  for (let at = 0; at <= end - start; at += step) {
    const tick = element('span', {}, tickText(at));
    tick.style.left = part(start + at);
    if (at > 0.8 * (end - start)) tick.style.translate = '-100%'; // to the left of its line: right of it is no room
    axis.append(tick);
  }
  const lineOf = (row) => {
    const track = element('div', { class: 'track', title: story(row, labels) });
    track.style.setProperty('--step', `${(step / (end - start)) * 100}%`);
    for (const { phase, from, to } of row.spans) {
      const span = element('span', { 'data-phase': phase });
      span.style.left = part(from);
      span.style.width = `${((to - from) / (end - start)) * 100}%`;
      track.append(span);
    }
    const waited = row.spans.findLast(({ phase, after }) => phase === 'waiting' && after !== undefined);
    const isLong = waited !== undefined && waited.to - waited.from > (end - start) / 50;
    const cause = isLong ? rows.find(({ key }) => key === waited.after) : undefined;
    const isNear = cause?.destination === row.destination;
    const after = cause === undefined ? '' : ` after ${isNear ? labelOf(cause) : labels.get(cause.key)}`;
    return element(
      'li',
      {},
      element('span', { class: 'mono', title: row.destination }, labelOf(row)),
      track,
      element(
        'span',
        { class: 'what', 'aria-hidden': 'true' },
        `${row.outcome === undefined ? '' : rowText(row)}${after}`,
      ),
      element('span', { class: 'unseen story' }, story(row, labels)),
    );
  };
  const ordered = rows.toSorted((a, b) =>
    a.destination === b.destination ? 0 : a.destination < b.destination ? -1 : 1,
  );
  const lines = ordered.flatMap((row, at) => {
    const isFirst = ordered[at - 1]?.destination !== row.destination;
    return several && isFirst ? [element('li', { class: 'group' }, row.destination), lineOf(row)] : [lineOf(row)];
  });
  return element(
    'section',
    { class: 'timeline', 'aria-labelledby': 'timeline-title' },
    element('h3', { id: 'timeline-title' }, 'Timeline'),
    element('p', { class: 'about' }, summaryOf(push, rows, labels, end - start)),
    element(
      'ul',
      { class: 'legend', 'aria-label': 'colours' },
      ...colours.map(([phase, text]) => element('li', { 'data-phase': phase }, text)),
    ),
    axis,
    element('ol', { id: 'timeline-rows' }, ...lines),
  );
}

function summaryOf(push, rows, labels, took) {
  const blobs = rows.filter(({ role }) => role !== 'manifest');
  const last = blobs.toSorted((a, b) => (b.spans.at(-1)?.to ?? 0) - (a.spans.at(-1)?.to ?? 0))[0];
  const longest = last === undefined ? '' : ` ${labels.get(last.key)} was the last blob to be there.`;
  return `${duration(took)} ${push.state === 'running' ? 'so far' : 'in all'}.${longest}`;
}

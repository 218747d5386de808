// How things stand: what runs and waits, how fast, the disk, the daemons, the registries.
import { $, bytes, element, plural } from './format.js';

export function showRates(rates) {
  const most = Math.max(1, ...rates);
  const points = rates.map((rate, at) => `L${(at * 60) / (rates.length - 1)} ${20 - (rate / most) * 19}`).join(' ');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', `M0 20 ${points} L60 20 Z`);
  $('rates').replaceChildren(path);
  $('figure-rate').textContent = `${bytes(rates.at(-1) ?? 0)}/s`;
  $('figure-peak').textContent = `in the last minute up to ${bytes(most === 1 ? 0 : most)}/s`;
}

export function showCounts({ running, queued }) {
  $('figure-running').textContent = String(running);
  $('figure-queued').textContent = String(queued);
}

/** @param disk `quotaBytes` 0 for none; `freeBytes` on the disk */
export function showDisk({ usedBytes, quotaBytes, freeBytes }) {
  const free = `${bytes(freeBytes)} free`;
  if (quotaBytes === 0) {
    $('figure-disk').replaceChildren(`${bytes(usedBytes)} used`, element('span', { class: 'about' }, free));
    return;
  }
  const meter = element('meter', {
    min: '0',
    max: String(quotaBytes),
    high: String(quotaBytes * 0.9),
    optimum: '0',
    value: String(usedBytes),
    'aria-label': 'part of the quota that is used',
  });
  const text = `${bytes(usedBytes)} of ${bytes(quotaBytes)}`;
  $('figure-disk').replaceChildren(text, meter, element('span', { class: 'about' }, free));
}

/** Daemons that share the jobs: those that are here, those that do not show any more, and the Redis between them. */
export function showDaemons({ redis, daemons }) {
  const here = daemons.filter(({ state }) => state === 'here');
  const gone = daemons.filter(({ state }) => state === 'gone');
  const about = element('span', { class: 'about' });
  if (redis === 'up') about.textContent = 'Redis answers';
  else if (redis !== undefined) {
    about.textContent = redis; // what is wrong with it, as /readyz says it
    about.className = 'errors';
  }
  const names = here.map(({ name, version }) => `${name}, version ${version}`);
  const count = element('span', { title: names.join('\n') }, String(here.length));
  const lost = gone.map(({ name, lastSeenAt }) => {
    const time = element('time', { datetime: lastSeenAt }, new Date(lastSeenAt).toLocaleTimeString());
    return element('span', { class: 'errors' }, `${name} is gone, last seen `, time);
  });
  $('figure-daemons').replaceChildren(count, ...(redis === undefined ? [] : [about]), ...lost);
}

/** Who holds the slots of each registry, and who waits for one. */
export function showRegistries(holders) {
  const byRegistry = new Map();
  for (const { registry, active, waiting } of holders) {
    const sum = byRegistry.get(registry) ?? { active: 0, waiting: 0 };
    byRegistry.set(registry, { active: sum.active + active, waiting: sum.waiting + waiting });
  }
  const chips = [...byRegistry].map(([registry, { active, waiting }]) => {
    const waits = waiting > 0 ? `, ${waiting} waiting` : '';
    return element('li', {}, element('b', {}, registry), ` ${plural(active, 'transfer')}${waits}`);
  });
  $('registries').replaceChildren(...chips);
}

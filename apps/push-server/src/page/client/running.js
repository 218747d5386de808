// A card for each push that runs: how far it is as a whole, and its blobs folded away below.
import { $, bytes, duration, element } from './format.js';
import { destinationsText, foldedText, isUnconfirmed, labelOf, progressOf, rowText } from './rows.js';

const rateWindowMs = 10_000;

/** Bytes a second of a push, over the last seconds. */
function rateOf(push) {
  const now = Date.now();
  push.samples.push({ time: now, bytes: push.bytesSent });
  while (push.samples.length > 2 && now - push.samples[0].time > rateWindowMs) push.samples.shift();
  const [first] = push.samples;
  return now - first.time < 500 ? 0 : ((push.bytesSent - first.bytes) * 1000) / (now - first.time);
}

function cardOf(push) {
  const card = element('article', { class: 'push', 'data-id': push.id, 'aria-label': `push of ${push.image}` });
  const link = element('a', { href: `#/pushes/${push.id}` }, push.image);
  const progress = element('progress', { class: 'whole', max: '1', 'aria-label': `progress of ${push.image}` });
  const layers = element('details', {}, element('summary'), element('ol', { class: 'rows' }));
  card.append(
    element('h3', {}, link),
    element('p', { class: 'about' }),
    progress,
    element('p', { class: 'so-far' }),
    element('p', { class: 'errors' }),
    layers,
  );
  return card;
}

function showSoFar(card, push) {
  const rows = [...push.rows.values()];
  const { blobs, doneBlobs, part, leftBytes, isGuess } = progressOf(rows);
  const rate = rateOf(push);
  const isAllDone = blobs > 0 && doneBlobs === blobs;
  const left = rate > 0 && leftBytes > 0 ? `${isGuess ? 'about ' : ''}${duration((leftBytes / rate) * 1000)} left` : '';
  const [, about, progress, soFar, errors, layers] = card.children;
  const kind = push.kind === 'job' ? 'job' : 'docker push';
  about.textContent = `to ${destinationsText(push.destinations)} · ${kind} by ${push.principal}`;
  progress.value = isAllDone ? 1 : Math.min(part, 0.99);
  soFar.textContent = [
    blobs === 0 ? 'begins' : `${doneBlobs} of ${blobs} blobs`,
    blobs === 0 ? '' : `${Math.floor(progress.value * 100)} %`,
    `${bytes(push.bytesSent)} sent${rate > 0 ? ` at ${bytes(rate)}/s` : ''}`,
    isAllDone ? 'the manifest is next' : left,
  ]
    .filter((text) => text !== '')
    .join(' · ');
  const retrying = rows.find(({ phase }) => phase === 'retrying');
  errors.textContent = retrying === undefined ? '' : `${labelOf(retrying)}: ${rowText(retrying)}`;
  layers.firstElementChild.textContent = foldedText(rows) || 'no blobs yet';
}

function showRow(list, push, row) {
  let line = [...list.children].find(({ dataset }) => dataset.key === row.key);
  if (line === undefined) {
    line = element('li', { class: 'row', 'data-key': row.key, 'data-destination': row.destination });
    line.append(
      element('span', { class: 'mono', title: row.destination }, labelOf(row)),
      element('progress', { 'aria-label': `${labelOf(row)} to ${row.destination}` }),
      element('span', { class: 'what' }),
    );
    // Rows of one destination stand together, under its name when there are several.
    const group = [...list.children].filter(({ dataset }) => dataset.destination === row.destination);
    if (group.length > 0) group.at(-1).after(line);
    else {
      if (push.destinations.length > 1)
        list.append(element('li', { class: 'group', 'data-destination': row.destination }, row.destination));
      list.append(line);
    }
  }
  const [, bar, what] = line.children;
  line.dataset.phase = isUnconfirmed(row) ? 'unconfirmed' : row.phase;
  bar.max = Math.max(1, row.total);
  bar.value = row.phase === 'done' ? bar.max : row.done;
  what.textContent = rowText(row);
}

/** Shows a push among those that run, or takes it away when it has ended. */
export function showRunning(push, changed) {
  const list = $('running-list');
  let card = list.querySelector(`[data-id="${push.id}"]`);
  if (push.endedAt !== undefined) {
    card?.remove();
    return;
  }
  let rows = changed;
  if (card === null) {
    card = cardOf(push);
    list.prepend(card);
    rows = [...push.rows.values()];
  }
  for (const row of rows) showRow(card.querySelector('.rows'), push, row);
  showSoFar(card, push);
}

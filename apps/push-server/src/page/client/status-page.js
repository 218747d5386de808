// The status page. It knows what `/slipway/v1/status/events` tells, and nothing else; every text goes in as text.

const pushes = new Map(); // by id, with rows by key
let jobs = [];
let shownID; // of the timeline

const $ = (id) => document.getElementById(id);

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/* ---- numbers ---- */

function bytes(count) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let size = count;
  let unit = 0;
  while (size >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? size : size.toPrecision(3)} ${units[unit]}`;
}

function duration(ms) {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

/* ---- running pushes ---- */

const words = {
  checking: 'asks the registry',
  waiting: 'waits for its turn',
  reading: 'compresses',
  sending: 'is sent',
  retrying: 'waits to retry',
  existed: 'was there already',
  mounted: 'mounted',
  pushed: 'pushed',
  skipped: 'left out: a foreign layer',
  unchanged: 'unchanged',
};

function rowText({ phase, outcome, done, total, note }) {
  if (phase === 'done')
    return note === undefined || outcome === 'skipped' ? words[outcome] : `${words[outcome]} ${note}`;
  if (phase === 'reading' || phase === 'sending') {
    const how = phase === 'reading' ? 'compresses' : '';
    if (phase === 'sending' && total > 0 && done >= total) return `${bytes(total)} sent, not confirmed yet`;
    return `${how} ${bytes(done)}${total > 0 ? ` of ${bytes(total)}` : ''}`.trim();
  }
  return note ?? words[phase];
}

function updateRow(line, row) {
  line.dataset.phase = row.phase;
  const [, bar, what] = line.children;
  const isDone = row.phase === 'done';
  bar.max = Math.max(1, row.total);
  bar.value = isDone ? bar.max : row.done;
  what.textContent = rowText(row);
}

function pushCard(push) {
  const card = element('article', { class: 'push', 'data-id': push.id, 'aria-label': `push of ${push.image}` });
  card.append(element('h3', {}, push.image), element('p', { class: 'about' }), element('ol', { class: 'rows' }));
  return card;
}

function renderPush(push, changed) {
  const list = $('running-list');
  let card = list.querySelector(`[data-id="${push.id}"]`);
  if (push.endedAt !== undefined) {
    card?.remove();
    return;
  }
  if (card === null) {
    card = pushCard(push);
    list.prepend(card);
    changed = [...push.rows.values()];
  }
  const [, about, rows] = card.children;
  const kind = push.kind === 'job' ? 'job' : 'docker push';
  about.textContent = `${kind} by ${push.principal} to ${push.destinations.join(', ')} · ${bytes(push.bytesSent)} sent`;
  for (const row of changed) {
    let line = [...rows.children].find(({ dataset }) => dataset.key === row.key);
    if (line === undefined) {
      line = element('li', { class: 'row', 'data-key': row.key });
      const label = `${row.label} to ${row.destination}`;
      line.append(
        element('span', { class: 'mono', title: row.destination }, row.label),
        element('progress', { 'aria-label': label }),
        element('span', { class: 'what' }),
      );
      // Rows of one destination stand together, under its name when there are several.
      const group = [...rows.children].filter(({ dataset }) => dataset.destination === row.destination);
      line.dataset.destination = row.destination;
      if (group.length > 0) group.at(-1).after(line);
      else {
        if (push.destinations.length > 1)
          rows.append(element('li', { class: 'group', 'data-destination': row.destination }, row.destination));
        rows.append(line);
      }
    }
    updateRow(line, row);
  }
}

function takePush({ rows, ...summary }) {
  const known = pushes.get(summary.id);
  // A push that begins again, as a job does after its daemon died, begins with no rows.
  const isSame = known !== undefined && known.startedAt === summary.startedAt;
  if (known !== undefined && !isSame) $('running-list').querySelector(`[data-id="${summary.id}"]`)?.remove();
  const kept = isSame ? known.rows : new Map();
  for (const row of rows) kept.set(row.key, row);
  const push = { ...summary, rows: kept };
  pushes.set(summary.id, push);
  renderPush(push, rows);
  if (push.endedAt !== undefined) renderLists();
  if (shownID === push.id) renderTimeline(push);
}

/* ---- queue and history ---- */

/** Jobs and pushes of the Engine API in one list: what ended, newest first. */
function ended() {
  const ofJobs = jobs
    .filter(({ state }) => state !== 'queued' && state !== 'running')
    .map((job) => ({
      id: job.id,
      image: job.image,
      state: job.state,
      destinations: job.destinations.map(({ reference }) => reference),
      startedAt: Date.parse(job.startedAt ?? job.createdAt),
      endedAt: Date.parse(job.finishedAt),
      errors: [job.error, ...job.destinations.map(({ error }) => error)].filter((error) => error !== undefined),
    }));
  const ofDocker = [...pushes.values()].filter(({ kind, endedAt }) => kind === 'docker' && endedAt !== undefined);
  return [...ofJobs, ...ofDocker].sort((a, b) => b.endedAt - a.endedAt).slice(0, 50);
}

function stateWord(state) {
  return element('span', { class: 'state', 'data-state': state }, state === 'ended' ? 'stopped' : state);
}

function historyLine({ id, image, state, destinations, startedAt, endedAt, errors }) {
  const line = element('li', { 'data-id': id });
  const open = element('button', { type: 'button', 'data-open': id, 'aria-label': `timeline of ${image}, ${state}` });
  open.append(`${image} → ${destinations.join(', ')}`);
  const when = element('time', { datetime: new Date(endedAt).toISOString(), class: 'about' });
  when.textContent = `${new Date(endedAt).toLocaleTimeString()}, took ${duration(endedAt - startedAt)}`;
  line.append(stateWord(state), open, when);
  for (const { message } of errors.slice(0, 3)) line.append(element('p', { class: 'errors' }, message));
  return line;
}

/** Replaces a list and keeps the focus where it was. */
function replaceList(list, lines) {
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.open : undefined;
  list.replaceChildren(...lines);
  if (focused !== undefined) list.querySelector(`[data-open="${focused}"]`)?.focus();
}

function renderLists() {
  const waiting = jobs.filter(({ state }) => state === 'queued').reverse();
  // A job that another daemon works on is not always heard of; it is named at least.
  const elsewhere = jobs.filter(
    ({ id, state }) => state === 'running' && (pushes.get(id)?.endedAt !== undefined || !pushes.has(id)),
  );
  const queueLine = ({ image, state, destinations, principal, daemon }) =>
    element(
      'li',
      {},
      stateWord(state),
      element('span', {}, `${image} → ${destinations.map(({ reference }) => reference).join(', ')}`),
      element('span', { class: 'about' }, `by ${principal}${state === 'running' ? ` on ${daemon}` : ''}`),
    );
  replaceList($('queue-list'), [...elsewhere, ...waiting].map(queueLine));
  replaceList($('history-list'), ended().map(historyLine));
  const running = new Set(jobs.filter(({ state }) => state === 'running').map(({ id }) => id));
  for (const { id, endedAt } of pushes.values()) if (endedAt === undefined) running.add(id);
  $('figure-running').textContent = String(running.size);
  $('figure-queued').textContent = String(waiting.length);
}

/* ---- timeline ---- */

function story(row, labels) {
  const texts = row.spans.map(({ phase, from, to, after }) => {
    const time = duration(to - from);
    switch (phase) {
      case 'checking':
        return `asked for ${time}`;
      case 'waiting':
        return `waited ${time}${after === undefined ? '' : ` until ${labels.get(after) ?? 'another'} was done`}`;
      case 'reading':
        return `compressed for ${time}`;
      case 'sending':
        return `sent in ${time}`;
      default:
        return `waited ${time} to retry`;
    }
  });
  const end =
    row.outcome === undefined
      ? undefined
      : `${words[row.outcome]}${row.outcome === 'mounted' ? ` ${row.note ?? ''}` : ''}`;
  return [...texts, end].filter((text) => text !== undefined).join(', ');
}

function renderTimeline(push) {
  const rows = [...push.rows.values()];
  const spans = rows.flatMap((row) => row.spans);
  const start = Math.min(push.startedAt, ...spans.map(({ from }) => from));
  const end = Math.max(start + 1, ...spans.map(({ to }) => to));
  const several = new Set(rows.map(({ destination }) => destination)).size > 1;
  const labelOf = ({ label, role }) => `${role === 'manifest' ? 'manifest ' : ''}${label}`;
  const nameOf = (row) => `${labelOf(row)}${several ? ` to ${row.destination}` : ''}`;
  const labels = new Map(rows.map((row) => [row.key, nameOf(row)]));
  const last = rows
    .filter(({ role }) => role !== 'manifest')
    .sort((a, b) => (b.spans.at(-1)?.to ?? 0) - (a.spans.at(-1)?.to ?? 0))[0];
  $('timeline-title').textContent = `Timeline of ${push.image}`;
  const longest = last === undefined ? '' : `; ${labels.get(last.key)} was the last blob to be there`;
  const sent = push.bytesSent > 0 ? `, ${bytes(push.bytesSent)} sent` : '';
  $('timeline-summary').textContent =
    `${push.destinations.join(', ')}: ${push.state} after ${duration(end - start)}${sent}${longest}.`;
  const timed = rows.toSorted((a, b) => (a.destination === b.destination ? 0 : a.destination < b.destination ? -1 : 1));
  $('timeline-rows').replaceChildren(
    ...timed.flatMap((row, at) => {
      const track = element('div', { class: 'track', 'aria-hidden': 'true' });
      for (const { phase, from, to } of row.spans) {
        const span = element('span', { 'data-phase': phase, title: `${phase} ${duration(to - from)}` });
        span.style.left = `${((from - start) / (end - start)) * 100}%`;
        span.style.width = `${((to - from) / (end - start)) * 100}%`;
        track.append(span);
      }
      const line = element('li', {}, element('span', { class: 'mono', title: row.destination }, labelOf(row)), track);
      line.append(element('p', { class: 'story' }, story(row, labels)));
      const isFirst = timed[at - 1]?.destination !== row.destination;
      return several && isFirst ? [element('li', { class: 'group' }, row.destination), line] : [line];
    }),
  );
}

async function openTimeline(id) {
  const response = await ask(`/slipway/v1/pushes/${id}`);
  if (!response.ok) return;
  const { rows, ...push } = await response.json();
  shownID = id;
  renderTimeline({ ...push, rows: new Map(rows.map((row) => [row.key, row])) });
  $('timeline').hidden = false;
  $('timeline').focus();
  $('timeline').scrollIntoView({ block: 'nearest' });
}

function closeTimeline() {
  if ($('timeline').hidden) return;
  $('timeline').hidden = true;
  const opener = document.querySelector(`[data-open="${shownID}"]`);
  shownID = undefined;
  opener?.focus();
}

/* ---- rates ---- */

function renderRates(rates) {
  const most = Math.max(1, ...rates);
  const points = rates.map((rate, at) => `L${(at * 60) / (rates.length - 1)} ${20 - (rate / most) * 19}`).join(' ');
  const path = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  path.setAttribute('d', `M0 20 ${points} L60 20 Z`);
  $('rates').replaceChildren(path);
  $('figure-rate').textContent = `${bytes(rates.at(-1) ?? 0)}/s`;
}

/* ---- the stream ---- */

// fetch rather than EventSource: only so can a token be sent.
function ask(url, options = {}) {
  const token = sessionStorage.getItem('token');
  const headers = token === null ? {} : { authorization: `Bearer ${token}` };
  return fetch(url, { ...options, headers, cache: 'no-store', credentials: 'omit' });
}

function setConnection(state, text) {
  const shown = $('connection');
  if (shown.dataset.state === state) return;
  shown.dataset.state = state;
  shown.textContent = text;
}

const handlers = {
  daemon: ({ version, isClosing }) =>
    setConnection(isClosing ? 'lost' : 'live', isClosing ? 'shutting down' : `live, ${version}`),
  rates: renderRates,
  push: takePush,
  jobs(list) {
    jobs = list;
    renderLists();
  },
};

function takeMessage(message) {
  const fields = message.split('\n');
  const name = fields.find((field) => field.startsWith('event: '))?.slice(7);
  const data = fields.find((field) => field.startsWith('data: '))?.slice(6);
  if (name !== undefined && data !== undefined) handlers[name]?.(JSON.parse(data));
}

async function follow() {
  const response = await ask('/slipway/v1/status/events');
  if (response.status === 401 || response.status === 403) {
    $('sign-in').hidden = false;
    $('content').hidden = true;
    setConnection('lost', 'not signed in');
    $('token').focus();
    return false;
  }
  if (!response.ok) throw new Error(`status ${response.status}`);
  $('sign-in').hidden = true;
  $('content').hidden = false;
  // What is told anew may no longer have what was there.
  pushes.clear();
  $('running-list').replaceChildren();
  let rest = '';
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return true;
    const messages = `${rest}${value}`.split('\n\n');
    rest = messages.pop();
    for (const message of messages) takeMessage(message);
  }
}

async function run() {
  for (let waitMs = 500; ; waitMs = Math.min(waitMs * 2, 10_000)) {
    try {
      if (!(await follow())) return;
      waitMs = 500;
    } catch {
      // told below
    }
    setConnection('lost', 'connection lost, trying again');
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

$('sign-in').addEventListener('submit', (event) => {
  event.preventDefault();
  sessionStorage.setItem('token', $('token').value.trim());
  $('token').value = '';
  $('connection').dataset.state = 'connecting';
  void run();
});
$('history-list').addEventListener('click', ({ target }) => {
  const id = target.closest('[data-open]')?.dataset.open;
  if (id !== undefined) void openTimeline(id);
});
$('timeline-close').addEventListener('click', closeTimeline);
document.addEventListener('keydown', ({ key }) => {
  if (key === 'Escape') closeTimeline();
});

renderRates(Array.from({ length: 60 }, () => 0));
void run();

// The status page: follows `/slipway/v1/status/events`, and shows all of it, or one push under `#/pushes/ID`.
import { detailOf } from './detail.js';
import { $ } from './format.js';
import { entriesOf, showLists } from './lists.js';
import { showCounts, showDaemons, showDisk, showRates, showRegistries } from './overview.js';
import { showRunning } from './running.js';

const pushes = new Map(); // by id, with rows by key
const older = new Map(); // jobs that the stream does not tell of any more, by id
let jobs = [];
let next; // where older jobs go on
let daemon;
let shownID; // of the push that is shown alone
let isAsking = false;
let askedAt = 0;

/** A push that runs is asked for anew that often. */
const refreshMs = 1_000;

/* ---- the overview ---- */

function takePush({ rows, ...summary }) {
  const known = pushes.get(summary.id);
  // A push that begins again, as a job does after its daemon died, begins with no rows.
  const isSame = known !== undefined && known.startedAt === summary.startedAt;
  if (known !== undefined && !isSame) $('running-list').querySelector(`[data-id="${summary.id}"]`)?.remove();
  const kept = isSame ? known.rows : new Map();
  for (const row of rows) kept.set(row.key, row);
  const push = { ...summary, rows: kept, samples: isSame ? known.samples : [] };
  pushes.set(summary.id, push);
  showRunning(push, rows);
  if (!isSame || push.endedAt !== undefined) showOverview();
  const isDue = push.endedAt !== undefined || Date.now() - askedAt >= refreshMs;
  if (shownID === push.id && isDue) void refreshDetail();
}

function showOverview() {
  const told = new Set(jobs.map(({ id }) => id));
  const all = [...jobs, ...[...older.values()].filter(({ id }) => !told.has(id))];
  showLists(entriesOf(all, pushes.values()), pushes);
  const running = new Set(jobs.filter(({ state }) => state === 'running').map(({ id }) => id));
  for (const { id, endedAt } of pushes.values()) if (endedAt === undefined) running.add(id);
  const waiting = jobs.filter(({ state }) => state === 'queued').length;
  showCounts({ running: running.size, queued: Math.max(waiting, daemon?.queued ?? 0) });
  // The stream tells the latest that ended: there may be more behind them.
  $('older').hidden = next === undefined && jobs.filter(({ finishedAt }) => finishedAt !== undefined).length < 50;
}

async function showOlder() {
  const query = new URLSearchParams({ limit: '100' });
  if (next !== undefined) query.set('before', next);
  const response = await ask(`/slipway/v1/jobs?${query}`);
  if (!response.ok) return;
  const page = await response.json();
  for (const job of page.jobs) older.set(job.id, job);
  next = page.next ?? '';
  showOverview();
  if (next === '') $('older').hidden = true;
}

/* ---- one push ---- */

async function read(url) {
  const response = await ask(url);
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message);
  return answer;
}

async function readPush(id) {
  const push = await read(`/slipway/v1/pushes/${id}`);
  return [push, push.kind === 'job' ? await read(`/slipway/v1/jobs/${id}`) : undefined];
}

async function refreshDetail() {
  if (isAsking || shownID === undefined) return;
  isAsking = true;
  askedAt = Date.now();
  const id = shownID;
  try {
    const [push, job] = await readPush(id);
    if (shownID !== id) return;
    const focused = $('detail').contains(document.activeElement) ? document.activeElement : undefined;
    const selector = focused?.dataset.action === undefined ? focused?.id && `#${focused.id}` : `[data-action]`;
    const failure = $('action-error')?.textContent ?? '';
    $('detail').replaceChildren(...detailOf(push, job, (name) => void act(id, name)));
    $('action-error').textContent = failure;
    if (selector) ($('detail').querySelector(selector) ?? $('detail-title')).focus({ preventScroll: true });
    document.title = `${push.image}, ${job?.state ?? push.state} – slipwayd`;
  } catch (error) {
    if (shownID === id) $('detail').textContent = error.message;
  } finally {
    isAsking = false;
  }
}

async function act(id, name) {
  $('action-error').textContent = '';
  const response = await ask(`/slipway/v1/jobs/${id}/${name}`, { method: 'POST' });
  if (!response.ok) $('action-error').textContent = (await response.json()).message;
  await refreshDetail();
}

/** Shows what the address names. */
async function route() {
  const [, id] = /^#\/pushes\/([0-9a-f]{24})$/.exec(location.hash) ?? [];
  const left = shownID;
  shownID = id;
  $('overview').hidden = id !== undefined;
  $('detail').hidden = id === undefined;
  if (id === undefined) {
    document.title = 'slipwayd';
    if (left !== undefined) document.querySelector(`#overview [href="#/pushes/${left}"]`)?.focus();
    return;
  }
  $('detail').replaceChildren();
  await refreshDetail();
  $('detail-title')?.focus();
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
  daemon(told) {
    daemon = told;
    const { version, isClosing } = told;
    setConnection(isClosing ? 'lost' : 'live', isClosing ? 'shutting down' : `live, version ${version}`);
    if (told.disk !== undefined) showDisk(told.disk);
    showDaemons(told);
    showRegistries(told.transfers);
  },
  rates(rates) {
    showRates(rates);
    for (const push of pushes.values()) if (push.endedAt === undefined) showRunning(push, []);
    showOverview(); // ages
  },
  push: takePush,
  jobs(list) {
    const shown = jobs.find(({ id }) => id === shownID);
    jobs = list;
    showOverview();
    if (JSON.stringify(shown) !== JSON.stringify(jobs.find(({ id }) => id === shownID))) void refreshDetail();
  },
};

function takeMessage(message) {
  const fields = message.split('\n');
  const name = fields.find((field) => field.startsWith('event: '))?.slice(7);
  const data = fields.find((field) => field.startsWith('data: '))?.slice(6);
  if (name !== undefined && data !== undefined) handlers[name]?.(JSON.parse(data));
}

function askToSignIn(status) {
  const hadToken = sessionStorage.getItem('token') !== null;
  sessionStorage.removeItem('token');
  $('sign-in').hidden = false;
  for (const id of ['overview', 'detail', 'sign-out']) $(id).hidden = true;
  const wrong = status === 403 ? 'This token may not look at this page.' : 'This token is unknown, revoked or expired.';
  $('sign-in-error').textContent = hadToken ? wrong : '';
  $('token').setAttribute('aria-invalid', String(hadToken));
  setConnection('lost', 'not signed in');
  $('token').focus();
}

async function follow() {
  const response = await ask('/slipway/v1/status/events');
  if (response.status === 401 || response.status === 403) {
    askToSignIn(response.status);
    return false;
  }
  if (!response.ok) throw new Error(`status ${response.status}`);
  $('sign-in').hidden = true;
  $('sign-out').hidden = sessionStorage.getItem('token') === null;
  // What is told anew may no longer have what was there.
  pushes.clear();
  $('running-list').replaceChildren();
  if (shownID === undefined || $('detail').hidden) await route();
  else await refreshDetail();
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
$('sign-out').addEventListener('click', () => {
  sessionStorage.removeItem('token');
  location.reload();
});
$('filter').addEventListener('submit', (event) => event.preventDefault());
$('filter').addEventListener('input', showOverview);
$('older').addEventListener('click', () => void showOlder());
addEventListener('hashchange', () => void route());
document.addEventListener('keydown', ({ key }) => {
  if (key === 'Escape' && shownID !== undefined) location.hash = '#/';
});

showRates(Array.from({ length: 60 }, () => 0));
void run();

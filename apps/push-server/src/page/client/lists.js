// The jobs that wait, and what has ended: jobs and pushes of docker in one list, searched and filtered.
import { $, duration, element, moment } from './format.js';
import { destinationsText } from './rows.js';

const stateWords = { queued: 'waiting', ended: 'stopped' };
const searched = ({ image, destinations, principal, id, digest = '' }) =>
  [image, ...destinations, principal, id, digest].join(' ').toLowerCase();

/** What the lists show: jobs of the stream, older ones that were asked for, and pushes of docker. */
export function entriesOf(jobs, pushes) {
  const ofJobs = jobs.map((job) => ({
    ...job,
    destinations: job.destinations.map(({ reference }) => reference),
    createdAt: Date.parse(job.createdAt),
    startedAt: Date.parse(job.startedAt ?? job.createdAt),
    endedAt: job.finishedAt === undefined ? undefined : Date.parse(job.finishedAt),
    errors: [job.error, ...job.destinations.map(({ error }) => error)].filter((error) => error !== undefined),
  }));
  return [...ofJobs, ...[...pushes].filter(({ kind }) => kind === 'docker')];
}

export function stateOf(state) {
  return element('span', { class: 'state', 'data-state': state }, stateWords[state] ?? state);
}

function line({ id, image, state, destinations, errors }, about) {
  const link = element('a', { href: `#/pushes/${id}` }, `${image} → ${destinationsText(destinations)}`);
  const made = element('li', { 'data-id': id }, stateOf(state), link, about);
  for (const { message } of errors.slice(0, 3)) made.append(element('p', { class: 'errors' }, message));
  return made;
}

/** Replaces a list where it differs, and keeps the focus where it was: what somebody reads or selects stays. */
function replaceList(list, lines) {
  const wanted = element('ol', {}, ...lines);
  if (wanted.innerHTML === list.innerHTML) return;
  const focused = list.contains(document.activeElement) ? document.activeElement.getAttribute('href') : undefined;
  list.replaceChildren(...wanted.children);
  if (focused !== undefined) list.querySelector(`[href="${focused}"]`)?.focus();
}

/** Shows both lists, and hides the cards of running pushes that the filter leaves out. */
export function showLists(entries, pushes) {
  const text = $('search').value.trim().toLowerCase();
  const state = $('state').value;
  const isWanted = (entry) => (state === '' || entry.state === state) && searched(entry).includes(text);
  const isElsewhere = ({ id, state: is }) =>
    is === 'running' && pushes.get(id)?.endedAt === undefined && !pushes.has(id);
  const waiting = entries.filter((entry) => entry.state === 'queued' && isWanted(entry));
  // A job that another daemon works on is not always heard of; it is named at least.
  const elsewhere = entries.filter((entry) => isElsewhere(entry) && isWanted(entry));
  const waitingLine = (entry) => {
    const where = entry.state === 'running' ? ` on ${entry.daemon}` : '';
    const age = duration(Date.now() - entry.createdAt);
    return line(entry, element('span', { class: 'about' }, `by ${entry.principal}${where}, ${age} ago`));
  };
  waiting.sort((a, b) => a.createdAt - b.createdAt);
  replaceList($('queue-list'), [...elsewhere, ...waiting].map(waitingLine));
  const ended = entries.filter((entry) => entry.endedAt !== undefined && isWanted(entry));
  ended.sort((a, b) => b.endedAt - a.endedAt);
  const endedLine = (entry) => {
    const took = `, took ${duration(entry.endedAt - entry.startedAt)}`;
    return line(entry, element('span', { class: 'about' }, moment(entry.endedAt), took));
  };
  replaceList($('history-list'), ended.map(endedLine));
  for (const card of $('running-list').children) {
    const push = pushes.get(card.dataset.id);
    card.hidden = push !== undefined && !isWanted(push);
  }
}

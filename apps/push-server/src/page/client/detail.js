// One push under an address of its own: what it is, what became of each destination, what can be done, its timeline.
import { bytes, duration, element, moment, plural } from './format.js';
import { stateOf } from './lists.js';
import { timelineOf } from './timeline.js';

const optionNames = ['platform', 'format', 'protocol', 'compression', 'verify', 'learn', 'learnFrom', 'force'];
const sourceWords = { image: 'image of the store', archive: 'uploaded archive' };

/**
 * @param push as `/slipway/v1/pushes/{id}` tells it
 * @param job as `/slipway/v1/jobs/{id}` tells it; undefined for a push of docker
 * @param act called with `cancel` or `retry`
 */
export function detailOf(push, job, act) {
  const state = job?.state ?? push.state;
  const failures = [...new Map(push.errors.map((error) => [error.message, error])).values()];
  return [
    element('p', {}, element('a', { href: '#/', class: 'back' }, '← All pushes')),
    element(
      'div',
      { class: 'bar' },
      element('h2', { id: 'detail-title', tabindex: '-1' }, push.image),
      stateOf(state),
      actionsOf(job, act),
    ),
    element('p', { id: 'action-error', class: 'errors', role: 'alert' }),
    ...failures.map(failureOf),
    factsOf(push, job),
    destinationsOf(push, job),
    timelineOf(push),
  ];
}

function actionsOf(job, act) {
  const actions = element('div', { class: 'actions' });
  const button = (text, name) => {
    const made = element('button', { type: 'button', 'data-action': name }, text);
    made.addEventListener('click', () => act(name));
    actions.append(made);
  };
  if (job?.state === 'queued' || job?.state === 'running') button('Cancel', 'cancel');
  if (job?.state === 'failed' && job.canRetry) button('Retry', 'retry');
  return actions;
}

function failureOf({ code, message, reason, hint }) {
  const codes = reason === undefined ? code : `${code}, ${reason}`;
  const made = element('div', { class: 'failure' }, element('p', { class: 'errors' }, message));
  if (hint !== undefined) made.append(element('p', {}, hint));
  made.append(element('p', { class: 'about mono' }, codes));
  return made;
}

function factsOf(push, job) {
  const isOver = push.endedAt !== undefined;
  const mono = (text) => text && element('span', { class: 'mono' }, text);
  const options = optionNames.filter((name) => job?.[name] !== undefined).map((name) => `${name} ${job[name]}`);
  const facts = [
    ['Id', mono(push.id)],
    ['Source', job === undefined ? 'pushed by docker' : (sourceWords[job.source] ?? job.source)],
    ['Image ID', mono(job?.imageID)],
    ['Manifest', mono(job?.digest)],
    ['Options', options.length > 0 ? options.join(', ') : undefined],
    ['Asked for by', push.principal],
    ['Submitted', job && moment(job.createdAt)],
    ['Begun', job !== undefined && job.startedAt === undefined ? undefined : moment(push.startedAt)],
    ['Ended', isOver ? moment(push.endedAt) : undefined],
    ['Took', isOver ? duration(push.endedAt - push.startedAt) : undefined],
    ['Sent', bytes(push.bytesSent)],
    ['Attempts', job && plural(job.attempts, 'attempt')],
    ['Daemon', job?.daemon],
  ];
  const shown = facts.filter(([, value]) => value !== undefined);
  return element(
    'dl',
    { class: 'facts' },
    ...shown.map(([name, value]) => element('div', {}, element('dt', {}, name), element('dd', {}, value))),
  );
}

function destinationsOf(push, job) {
  const known = job?.destinations ?? push.destinations.map((reference) => ({ reference }));
  const lines = known.map(({ reference, state, digest, size, unchanged, totals, error }) => {
    const about = [
      unchanged === true ? 'unchanged' : undefined,
      size === undefined ? undefined : `manifest of ${bytes(size)}`,
      totals?.sentBytes === undefined ? undefined : `${bytes(totals.sentBytes)} sent`,
    ].filter((text) => text !== undefined);
    const line = element('li', {}, ...(state === undefined ? [] : [stateOf(state)]), element('span', {}, reference));
    if (digest !== undefined) line.append(element('span', { class: 'mono' }, digest));
    if (about.length > 0) line.append(element('span', { class: 'about' }, about.join(', ')));
    if (error !== undefined) line.append(element('p', { class: 'errors' }, error.message));
    return line;
  });
  return element(
    'section',
    { 'aria-labelledby': 'destinations-title' },
    element('h3', { id: 'destinations-title' }, 'Destinations'),
    element('ul', { class: 'list' }, ...lines),
  );
}

import type { JobEvent } from './job.ts';

/**
 * The data of server-sent events, which the daemon writes as one line of JSON each.
 *
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export async function* readEvents(stream: AsyncIterable<Uint8Array>): AsyncGenerator<JobEvent, void, void> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('data:')) yield JSON.parse(line.slice(5)) as JobEvent;
    }
  }
}

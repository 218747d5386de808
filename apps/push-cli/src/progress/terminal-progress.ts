import { printable } from '@slipway/client/program';
import { describeEvent } from '@slipway/push';
import { problemLines } from '../failure/problem.ts';
import { renderFrame } from './frame.ts';
import { warningLine } from './lines.ts';
import { LiveRegion } from './live-region.ts';
import { type OpenProgressOptions, type Progress, systemClock } from './progress.ts';
import { applyEvent, createProgressState } from './progress-state.ts';
import { summaryLine } from './summary.ts';

const redrawMs = 100;

/** Lines that move: one a blob, ten times a second, within the window's height and width. */
export function createTerminalProgress(options: OpenProgressOptions): Progress {
  const { stderr, environment, verbose, clock = systemClock } = options;
  const state = createProgressState(clock.now());
  let region: LiveRegion | undefined;
  let stop = (): void => {};
  const frame = (): readonly string[] =>
    renderFrame(state, {
      columns: stderr.columns ?? 80,
      rows: stderr.rows ?? 24,
      unicode: environment.hasUnicode,
      colour: environment.hasColour,
      nowMs: clock.now(),
    });
  const draw = (): void => region?.draw(frame());
  const print = (line: string): void => {
    if (region === undefined) stderr.write(`${line}\n`);
    else region.print(line);
  };
  return {
    onEvent(event) {
      applyEvent(state, event, clock.now());
      if (event.type === 'push:started' || event.type === 'warning' || event.type === 'manifest:planned') {
        print(printable(describeEvent(event) ?? ''));
      }
      if (region !== undefined || !('blob' in event)) return;
      region = new LiveRegion(stderr);
      draw();
      stderr.on('resize', draw);
      stop = clock.every(redrawMs, draw);
    },
    print,
    warn: (message) => print(warningLine(message)),
    fail: (error, subject) => {
      for (const line of problemLines(error, { verbose, subject })) print(line);
    },
    summarize(nowMs) {
      print(summaryLine(state, nowMs, environment));
    },
    [Symbol.dispose]() {
      stop();
      stderr.off('resize', draw);
      region?.draw(frame().slice(0, -1)); // the line about the whole gives way to the summary or the failure
      region?.[Symbol.dispose]();
      region = undefined;
    },
  };
}

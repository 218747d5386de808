'use strict';
// Loaded before a program of Node: at its end it writes down the CPU time of the main thread, and that of all threads.
const { appendFileSync, readFileSync } = require('node:fs');
const { isMainThread } = require('node:worker_threads');

if (isMainThread && process.platform === 'linux') {
  process.on('exit', () => {
    const { userCPUTime, systemCPUTime } = process.resourceUsage();
    const all = (userCPUTime + systemCPUTime) / 1e6;
    appendFileSync(process.env.SLIPWAY_BENCH_THREADS, `${JSON.stringify({ main: mainSeconds(), all })}\n`);
  });
}

/** Seconds of the thread that has the number of the process; the kernel counts them in hundredths. */
function mainSeconds() {
  const stat = readFileSync(`/proc/self/task/${process.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

import * as core from '@actions/core';
import { runAction } from './run.ts';

const isDone = await runAction({
  ...core,
  async summarize(markdown) {
    // A runner without a page of its own, as `act` is, has no file for it.
    if (process.env['GITHUB_STEP_SUMMARY']) await core.summary.addRaw(markdown, true).write();
  },
});
process.exitCode = isDone ? core.ExitCode.Success : core.ExitCode.Failure;

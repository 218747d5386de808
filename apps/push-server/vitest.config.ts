import { BaseSequencer, type TestSpecification } from 'vitest/node';
import { sharedTestConfig } from '../../vitest.shared.ts';

/** Takes minutes, in which it mostly waits. */
const longest = 'chaos.test.ts';

/** Begins with the longest, so that all others run beside it. */
class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isLongest = ({ moduleId }: TestSpecification): boolean => moduleId.endsWith(longest);
    const sorted = await super.sort(files);
    return [...sorted.filter(isLongest), ...sorted.filter((file) => !isLongest(file))];
  }
}

const config: ReturnType<typeof sharedTestConfig> = sharedTestConfig({
  css: true, // the status page's style is a text in the program; Vitest would have it be empty
  maxWorkers: 2,
  sequence: { sequencer: LongestFirst },
});
export default config;

// bottleneck: a job scheduler with a reservoir, in a group with one for each key. It rejects by dropping the job. It starts each
// job from a timer of a millisecond, so the case schedules many jobs together. Otherwise only the timer would be measured.

import { type AsyncLimiter, load, PLENTY } from './library.js';

interface Module {
  default: {
    Group: new (options: object) => { key(id: string): { schedule<T>(job: () => Promise<T>): Promise<T> } };
    strategy: { OVERFLOW: unknown };
  };
}

export const bottleneck: AsyncLimiter = {
  name: 'bottleneck',
  how: 'Group, schedule of an empty job, 64 at once',
  atOnce: 64,
  async make(_ids, mode) {
    const { Group, strategy } = (await load<Module>('bottleneck')).default;
    const group = new Group(
      mode === 'allow' ? { reservoir: PLENTY } : { reservoir: 0, highWater: 0, strategy: strategy.OVERFLOW },
    );
    const job = async () => true;
    return async (id) => {
      try {
        return await group.key(id).schedule(job);
      } catch {
        return false;
      }
    };
  },
};

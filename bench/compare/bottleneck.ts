// bottleneck: a job scheduler with a reservoir, a group of them by key. Rejecting is dropping the job. It starts each job from a
// timer of a millisecond, so many are scheduled at once: one by one, the timer would be all that is measured.

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

// What only the shared build exports.

import { currentLimits } from './limits';

export { attach, detach, leave, reserve, tenancyOf } from './threads';

/** Where the limits in force stand, for threads that did not set them. */
export function limitsInForce(): usize {
  return currentLimits();
}

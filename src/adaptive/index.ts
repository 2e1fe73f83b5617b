// The entry `peergate/adaptive`: controllers that watch the world and set numbers of a limiter through its public API.

export type { Signal } from './event-loop.js';
export type { TunerOptions, TunerProposal } from './limit-tuner.js';
export { LimitTuner } from './limit-tuner.js';
export type { LoadOptions } from './load-controller.js';
export { LoadController } from './load-controller.js';

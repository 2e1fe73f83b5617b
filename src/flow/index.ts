// The entry `peergate/flow`: a guarded connection over any transport that carries messages. Adapters are written with it.

export type { JoinAnswers, Paid } from './batch.js';
export { AnswerTooLarge, Batch } from './batch.js';
export { AnswerBudget } from './budget.js';
export type { FlowConnection } from './connection.js';
export type { FlowGate } from './gate.js';
export { guardFlow } from './gate.js';
export type { Bounds, FlowLimits, FlowOptions } from './options.js';
export { flowOptionNames, within } from './options.js';
export type { Handler, Link, Protocol, Session, TakeAnswers, Verdict } from './session.js';
export type { FrameData, Message, MessageSocket } from './socket.js';
export { frameText, textBytes } from './socket.js';
export type { FlowStats } from './stats.js';
export { Strikes } from './strikes.js';
export { Work } from './work.js';

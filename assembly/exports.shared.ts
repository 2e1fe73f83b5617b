// What only the shared build exports.

export { attach, detach, leave, reserve, tenancyOf } from './threads';

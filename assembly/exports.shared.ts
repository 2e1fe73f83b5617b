// What only the shared build exports.

export { attach, detach, reserve, tenancyOf } from './threads';

// A worker thread does not inherit the loader of TypeScript. Examples are run from their source, so their threads start
// with `--import` of this; compiled to JavaScript they would need neither.

import { register } from 'tsx/esm/api';

register();

/** What runs on Node 22. */

import './behaviours.js';
import './streams.js';
import './topics.js';

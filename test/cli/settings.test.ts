/** What the options of `replay` say, and which are refused. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { settingsOf } from '../../src/cli/replay/settings.js';
import { thrownBy } from '../support.js';

const test = suite('replay: options');

const refusalOf = (...args: string[]) => (thrownBy(() => settingsOf(args)) as Error).message;

test('a report never overwrites a log that is to be read', () => {
  for (const html of ['logs/access.log', './logs/access.log', 'logs/../logs/access.log']) {
    assert.match(refusalOf('logs/access.log', '--html', html), /^--html: .* would be overwritten$/);
  }
  assert.is(settingsOf(['logs/access.log', '--html', 'access.log']).html, 'access.log');
  assert.is(settingsOf(['-', '--html', '-']).html, '-');
});

test('an option that does not exist is refused with the nearest that does', () => {
  assert.is(refusalOf('access.log', '--prset', 'strict'), 'there is no option --prset (did you mean --preset?)');
});

test.run();

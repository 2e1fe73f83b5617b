import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ConfigError } from '../src/errors.js';
import { requireKnownFields } from '../src/options.js';
import { thrownBy } from './support.js';

const test = suite('options');
const KNOWN = ['maxRequestsPerSec', 'burstSize', 'onFull'];

function refusal(options: unknown): ConfigError {
  try {
    requireKnownFields(options, KNOWN);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('expected a ConfigError');
}

test('known fields are accepted, in any number', () => {
  requireKnownFields({}, KNOWN);
  requireKnownFields({ onFull: 'reject', burstSize: undefined }, KNOWN);
});

test('a misspelt field is refused with the nearest one that exists', () => {
  for (const [name, meant] of [
    ['maxRequestPerSec', 'maxRequestsPerSec'],
    ['burstsize', 'burstSize'],
    ['brustSize', 'burstSize'],
    ['onful', 'onFull'],
  ] as const) {
    const error = refusal({ [name]: 1 });
    assert.is(error.field, name);
    assert.match(error.message, `did you mean ${meant}?`);
  }
});

test('a field that resembles none is refused with all that exist', () => {
  assert.match(refusal({ window: 1 }).message, 'there are maxRequestsPerSec, burstSize, onFull');
});

test('a suggestion is at most a third of the name away, or two characters, whatever kind of slip they are', () => {
  const suggests = (name: string, known: string) => {
    try {
      requireKnownFields({ [name]: 1 }, [known]);
    } catch (error) {
      return (error as ConfigError).message.includes(`did you mean ${known}?`);
    }
    return false;
  };
  for (const [name, known, near] of [
    ['xyabcd', 'abcd', true],
    ['xyzabcd', 'abcd', false],
    ['xabcqr', 'abcd', false],
    ['abxycd', 'abcd', true],
    ['abxyzcd', 'abcd', false],
    ['abcdxy', 'abcd', true],
    ['abcdxyz', 'abcd', false],
    ['abcd', 'xyabcd', true],
    ['abcd', 'xyzabcd', false],
    ['abcd', 'abxycd', true],
    ['abcd', 'abcdxy', true],
    ['abcd', 'abxyzcd', false],
    ['xycd', 'abcd', true],
    ['xyzd', 'abcd', false],
    ['axyb', 'ab', true],
    ['ABCD', 'abcd', true],
    ['abcdefghixyz', 'abcdefghi', true],
    ['abcdefghiwxyz', 'abcdefghi', true],
    ['abcdefghivwxyz', 'abcdefghi', false],
  ] as const) {
    assert.is(suggests(name, known), near, `${name} for ${known}`);
  }
});

test('of several near names the nearest is suggested, the first of equal ones', () => {
  const nearestOf = (name: string, known: readonly string[]) =>
    /did you mean (\w+)/.exec(thrownBy(() => requireKnownFields({ [name]: 1 }, known)).message)?.[1];
  assert.is(nearestOf('abcx', ['abyz', 'abcd', 'abce']), 'abcd');
  assert.is(nearestOf('abcx', ['abce', 'abcd', 'abyz']), 'abce');
});

test('a misspelt field is refused even if it is undefined', () => {
  assert.is(refusal({ brustSize: undefined }).field, 'brustSize');
});

test('a very long name is refused quickly and by name', () => {
  const name = 'x'.repeat(100_000);
  assert.is(refusal({ [name]: 1 }).field, name);
});

test('what is not an object is refused', () => {
  for (const bad of [null, 5, 'strict']) assert.is(refusal(bad).field, 'options');
});

test.run();

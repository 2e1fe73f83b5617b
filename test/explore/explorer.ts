// Every interleaving of a few threads' accesses to one table: a search through all states that can be reached, each of
// them once. What was a state is told by the table's bytes and by what each thread has seen and been given so far.

import { createHash } from 'node:crypto';
import { type Access, Machine, type Operation } from './machine.js';
import { type ExploredLimits, settingsOf } from './settings.js';
import { shown } from './shown.js';
import { Touches } from './touches.js';

export interface Actor {
  readonly operations: readonly Operation[];
  /** Whether it may die at any step. One of all actors does. */
  readonly mortal?: boolean;
  /** Whether it has to wait for somebody's death. */
  readonly mourns?: boolean;
}

/** What a judge looks at. */
export interface World {
  readonly table: Machine;
  /** Results of each actor's operations that came to their end. */
  readonly results: readonly (readonly number[])[];
  /** Whether one of them died. */
  readonly dead: boolean;
  /** Ends the tenancy of the dead. */
  readonly bury: () => void;
}

export interface Scenario {
  readonly name: string;
  readonly rows: number;
  readonly limits: ExploredLimits;
  readonly setUp?: (table: Machine) => void;
  readonly actors: readonly Actor[];
  /** Says what is wrong at an end, when nobody has a step left; undefined when nothing is. */
  readonly judge: (world: World) => string | undefined;
}

export interface Found {
  readonly states: number;
  readonly ends: number;
  readonly wrong: string | undefined;
  /** How it came to what is wrong. */
  readonly steps: readonly string[];
}

interface State {
  readonly table: Uint8Array;
  readonly logs: readonly (readonly Access[])[];
  /** What tells each log from others. */
  readonly marks: readonly string[];
  readonly results: readonly (readonly number[])[];
  readonly dead: number;
  readonly last: Step | undefined;
}

/** An actor's accesses up to a step or to the end of its operation; without an operation, its own end. */
interface Step {
  readonly actor: number;
  readonly operation?: Operation;
  readonly accesses: readonly Access[];
  readonly result?: number | undefined;
  readonly before: Step | undefined;
}

const NOBODY = -1;

/**
 * Searches anew whenever a thread is seen to touch what it was not known to, until nothing more turns up. An access that
 * nobody else minds by then, in whatever order the others are, is no step: it does not matter when it is made.
 */
export function explore(module: WebAssembly.Module, scenario: Scenario, mostStates = 1_000_000): Found {
  const touches = new Touches(scenario.actors.map(({ operations }) => operations.length));
  for (let time = 0; ; time++) {
    touches.grown = false;
    const found = search(module, scenario, touches, time % 2 === 1, mostStates);
    if (found.wrong !== undefined || !touches.grown) return found;
  }
}

/** One search, `backwards` with the first thread going on first: what one way meets late, the other meets soon. */
function search(
  module: WebAssembly.Module,
  scenario: Scenario,
  touches: Touches,
  backwards: boolean,
  mostStates: number,
): Found {
  const { actors, judge, limits, rows, setUp } = scenario;
  const table = new Machine(module, rows, actors.length, settingsOf(limits));
  setUp?.(table);
  const seen = new Set<string>();
  const open: State[] = [];
  let ends = 0;

  /** Opens what follows from an actor's next step; false where it has none left. */
  function go(state: State, actor: number): boolean {
    const { operations, mortal = false, mourns = false } = actors[actor] as Actor;
    const results = state.results[actor] as readonly number[];
    const operation = operations[results.length];
    const mayMove = state.dead !== actor && (!mourns || state.dead !== NOBODY);
    if (!mayMove || operation === undefined) return false;
    const before = state.logs[actor] as readonly Access[];
    const left: { table: Uint8Array; made: number }[] = [];
    table.load(state.table);
    const { result, log } = table.step(actor + 1, operation, before, results, (word, changed, made) => {
      touches.add(actor, results.length, word, changed);
      if (changed && mortal && state.dead === NOBODY) left.push({ table: table.save(), made });
      return touches.isContended(actor, word, changed, (other) =>
        other === state.dead ? Number.POSITIVE_INFINITY : (state.results[other]?.length ?? 0),
      );
    });
    const replaced = <T>(list: readonly T[], value: T) => list.map((old, i) => (i === actor ? value : old));
    const next: State = {
      table: table.save(),
      logs: replaced(state.logs, result === undefined ? log : []),
      marks: replaced(state.marks, result === undefined ? markOf(state.marks[actor] as string, before, log) : ''),
      results: result === undefined ? state.results : replaced(state.results, [...results, result]),
      dead: state.dead,
      last: { actor, operation, accesses: log.slice(before.length), result, before: state.last },
    };
    open.push(next);
    for (const { table: bytes, made } of left) {
      const last: Step = { actor, operation, accesses: log.slice(before.length, made), before: state.last };
      const end: Step = { actor, accesses: [], before: last };
      open.push({ ...state, table: bytes, marks: replaced(state.marks, ''), dead: actor, last: end });
    }
    return true;
  }

  /** A log that goes on: who found the same words did the same. Single peers' counts are nothing to go by. */
  function markOf(mark: string, before: readonly Access[], log: readonly Access[]): string {
    const found = log.slice(before.length).map((access) => (table.isCount(access.at) ? '' : access.found.toString(36)));
    return createHash('md5').update(`${mark}|${found.join()}`).digest('base64');
  }

  /** What tells states apart. */
  function keyOf({ table: bytes, marks, results, dead }: State): string {
    const hash = createHash('md5').update(table.essence(bytes));
    return hash.update(`${marks.join('|')}|${results.join(';')}|${dead}`).digest('base64');
  }

  const wrong = (what: string, { last }: State) => ({
    states: seen.size,
    ends,
    wrong: what,
    steps: stepsTo(last, rows),
  });
  const none = actors.map(() => []);
  open.push({
    table: table.save(),
    logs: none,
    marks: actors.map(() => ''),
    results: none,
    dead: NOBODY,
    last: undefined,
  });
  while (open.length > 0 && !touches.grown) {
    const state = open.pop() as State;
    const key = keyOf(state);
    if (seen.has(key)) continue;
    seen.add(key);
    if (seen.size > mostStates) throw new Error(`more than ${mostStates} states`);

    table.load(state.table);
    const owners = table.owners();
    if (new Set(owners).size < owners.length) return wrong('two rows of one peer', state);

    let moved = false;
    for (let i = 0; i < actors.length; i++) {
      moved = go(state, backwards ? actors.length - 1 - i : i) || moved;
    }
    if (moved) continue;
    ends++;
    table.load(state.table);
    const { results, dead } = state;
    const bury = () => {
      if (dead !== NOBODY) table.call('detach', dead + 1, table.call('tenancyOf', dead + 1));
    };
    const judged = judge({ table, results, dead: dead !== NOBODY, bury });
    if (judged !== undefined) return wrong(judged, state);
  }
  return { states: seen.size, ends, wrong: undefined, steps: [] };
}

function stepsTo(last: Step | undefined, rows: number): string[] {
  const steps: string[] = [];
  for (let step = last; step !== undefined; step = step.before) {
    const { actor, operation, accesses, result } = step;
    const name = 'ABC'[actor];
    if (operation === undefined) steps.push(`${name} dies`);
    else if (result !== undefined) steps.push(`${name} ${operation.what}: gives ${result}`);
    const made = accesses.map((access) => `${name} ${operation?.what}: ${shown(access, rows)}`);
    steps.push(...made.reverse());
  }
  return steps.reverse();
}

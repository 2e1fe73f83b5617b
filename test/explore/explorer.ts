// Every interleaving of a few threads' accesses to one table: a search through all states that can be reached, each of
// them once. What was a state is told by the table's bytes and by what each thread has seen and been given so far.

import { createHash } from 'node:crypto';
import { type Access, Machine, type Operation } from './machine.js';

export interface Actor {
  readonly operations: readonly Operation[];
  /** Whether it may die at any step. One of all actors does. */
  readonly mortal?: boolean;
}

/** What a judge looks at. */
export interface World {
  readonly table: Machine;
  /** Results of each actor's operations that came to their end. */
  readonly results: readonly (readonly number[])[];
  /** Ends the tenancy of the dead. */
  readonly bury: () => void;
}

export interface Scenario {
  readonly name: string;
  readonly rows: number;
  readonly limits: {
    readonly rate: number;
    readonly burst: number;
    readonly threshold: number;
    readonly timeoutMs: number;
    readonly probes: number;
  };
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
  readonly results: readonly (readonly number[])[];
  readonly dead: number;
  readonly last: Step | undefined;
}

/** An actor's access, or the end of its operation; without an operation, its own end. */
interface Step {
  readonly actor: number;
  readonly operation?: Operation;
  readonly access?: Access | undefined;
  readonly result?: number | undefined;
  readonly before: Step | undefined;
}

const NOBODY = -1;

/**
 * Searches again and again, each time with the words as steps that threads were seen to contend for the time before. When
 * there are no more of them, a word that is no step is one that nobody else touches or that nobody writes, in whatever
 * order the others are; so it does not matter when an access to it is made.
 */
export function explore(module: WebAssembly.Module, scenario: Scenario): Found {
  let contended: ReadonlySet<number> = new Set();
  while (true) {
    const { table, ...found } = search(module, scenario, contended);
    const now = table.contended();
    if (found.wrong !== undefined || now.size === contended.size) return found;
    contended = now;
  }
}

const MOST_STATES = 2_000_000;

function search(
  module: WebAssembly.Module,
  scenario: Scenario,
  contended: ReadonlySet<number>,
): Found & { readonly table: Machine } {
  const { actors, judge, limits, rows, setUp } = scenario;
  const { rate, burst, threshold, timeoutMs, probes } = limits;
  const table = new Machine(
    module,
    rows,
    actors.length,
    [...[rate, burst, threshold, timeoutMs, probes, timeoutMs], ...[1, 0]],
    contended,
  );
  setUp?.(table);
  const none = actors.map(() => []);
  const start: State = { table: table.save(), logs: none, results: none, dead: NOBODY, last: undefined };

  /** The state after an actor's next step; undefined where it has none left. */
  function after(state: State, actor: number): State | undefined {
    const { operations, mortal = false } = actors[actor] as Actor;
    const results = state.results[actor] as readonly number[];
    const operation = operations[results.length];
    if (state.dead === actor || operation === undefined) return undefined;
    table.load(state.table);
    const { result, log } = table.step(actor + 1, operation, state.logs[actor] as readonly Access[], results, mortal);
    const replaced = <T>(list: readonly T[], value: T) => list.map((old, i) => (i === actor ? value : old));
    return {
      table: table.save(),
      logs: replaced(state.logs, log),
      results: result === undefined ? state.results : replaced(state.results, [...results, result]),
      dead: state.dead,
      last: { actor, operation, access: log.at(-1), result, before: state.last },
    };
  }

  /** What tells states apart. */
  function keyOf({ table: bytes, logs, results, dead }: State): string {
    const hash = createHash('md5').update(table.essence(bytes));
    for (const log of logs) hash.update(`|${log.map(({ found }) => found.toString(36)).join()}`);
    return hash.update(`|${results.join(';')}|${dead}`).digest('base64');
  }

  const seen = new Set<string>();
  const open: State[] = [start];
  let ends = 0;
  const wrong = (what: string, { last }: State) => ({
    table,
    states: seen.size,
    ends,
    wrong: what,
    steps: stepsTo(last, table),
  });
  while (open.length > 0) {
    const state = open.pop() as State;
    const key = keyOf(state);
    if (seen.has(key)) continue;
    seen.add(key);
    if (seen.size > MOST_STATES) return wrong(`more than ${MOST_STATES} states`, state);

    table.load(state.table);
    const owners = table.owners();
    if (new Set(owners).size < owners.length) return wrong('two rows of one peer', state);

    let moved = false;
    for (let actor = 0; actor < actors.length; actor++) {
      const next = after(state, actor);
      if (next === undefined) continue;
      moved = true;
      open.push(next);
      const midway = (state.logs[actor] as readonly Access[]).length > 0;
      if (midway && actors[actor]?.mortal && state.dead === NOBODY) {
        open.push({ ...state, dead: actor, last: { actor, before: state.last } });
      }
    }
    if (moved) continue;
    ends++;
    table.load(state.table);
    const { results, dead } = state;
    const bury = () => {
      if (dead !== NOBODY) table.call('detach', dead + 1, table.call('tenancyOf', dead + 1));
    };
    const judged = judge({ table, results, bury });
    if (judged !== undefined) return wrong(judged, state);
  }
  return { table, states: seen.size, ends, wrong: undefined, steps: [] };
}

function stepsTo(last: Step | undefined, table: Machine): string[] {
  const steps: string[] = [];
  for (let step = last; step !== undefined; step = step.before) {
    const { actor, operation, access, result } = step;
    const what = access === undefined ? `gives ${result}` : table.shown(access);
    steps.push(`${'ABC'[actor]} ${operation === undefined ? 'dies' : `${operation.what}: ${what}`}`);
  }
  return steps.reverse();
}

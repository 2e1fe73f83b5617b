// The small changes that a test should notice, found in the syntax tree of a source. AssemblyScript parses as TypeScript.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { root } from '../build/stamp.js';

export interface Mutant {
  readonly file: string;
  readonly line: number;
  /** The lines that the change touches, before and after it, with single spaces. */
  readonly original: string;
  readonly changed: string;
  /** The whole file after the change. */
  readonly text: string;
  /** Stays the same while these lines do, wherever in the file they move. */
  readonly id: string;
}

interface Change {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** Each operator and what replaces it. */
const OPERATORS: Readonly<Record<string, string>> = {
  ...{ '<': '<=', '<=': '<', '>': '>=', '>=': '>', '==': '!=', '!=': '==', '===': '!==', '!==': '===' },
  ...{ '+': '-', '-': '+', '*': '/', '/': '*', '%': '*', '+=': '-=', '-=': '+=', '*=': '/=' },
  ...{ '&&': '||', '||': '&&', '??': '&&', '&': '|', '|': '&', '^': '|', '&=': '|=', '|=': '&=', '^=': '|=' },
  ...{ '<<': '>>', '>>': '<<', '>>>': '<<', '<<=': '>>=', '>>=': '<<=', '>>>=': '<<=', '++': '--', '--': '++' },
};

/** All mutants of a file. */
export function mutantsOf(file: string): Mutant[] {
  const text = readFileSync(join(root, file), 'utf8');
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const seen = new Map<string, number>();
  return [...changesBelow(source)].map(({ start, end, text: replacement }) => {
    const from = text.lastIndexOf('\n', start) + 1;
    const to = text.indexOf('\n', end);
    const original = withSingleSpaces(text.slice(from, to));
    const changed = withSingleSpaces(text.slice(from, start) + replacement + text.slice(end, to));
    const key = [file, original, changed].join('\n');
    seen.set(key, (seen.get(key) ?? 0) + 1);
    return {
      ...{ file, original, changed, line: source.getLineAndCharacterOfPosition(start).line + 1 },
      text: text.slice(0, start) + replacement + text.slice(end),
      id: createHash('sha256')
        .update(`${key}\n${seen.get(key)}`)
        .digest('hex')
        .slice(0, 16),
    };
  });
}

function withSingleSpaces(lines: string): string {
  return lines.trim().replaceAll(/\s+/g, ' ');
}

function* changesBelow(node: ts.Node): Generator<Change> {
  if (ts.isTypeNode(node) || ts.isImportDeclaration(node) || isAssertion(node)) return;
  yield* changesOf(node);
  for (const child of node.getChildren()) yield* changesBelow(child);
}

/** What only the debug build evaluates. A looser assertion is not a defect. */
function isAssertion(node: ts.Node): boolean {
  return ts.isIfStatement(node) && node.expression.getText() === '!ASC_NO_ASSERT';
}

function isRemovable(node: ts.Node): boolean {
  if (ts.isReturnStatement(node)) return node.expression === undefined;
  return ts.isExpressionStatement(node) || ts.isBreakOrContinueStatement(node) || ts.isThrowStatement(node);
}

function replaced(node: ts.Node, text: string): Change {
  return { start: node.getStart(), end: node.end, text };
}

function* changesOf(node: ts.Node): Generator<Change> {
  if (ts.isBinaryExpression(node)) yield* exchanged(node.operatorToken);
  else if (ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) yield* ofUnary(node);
  else if (ts.isNumericLiteral(node) || ts.isBigIntLiteral(node)) yield* neighbours(node);
  else if (node.kind === ts.SyntaxKind.TrueKeyword) yield replaced(node, 'false');
  else if (node.kind === ts.SyntaxKind.FalseKeyword) yield replaced(node, 'true');
  else if (ts.isCallExpression(node)) yield* ofCall(node);
  else if (ts.isIfStatement(node) || ts.isWhileStatement(node)) yield* negated(node.expression);
  else if (ts.isConditionalExpression(node)) yield* negated(node.condition);
  // TypeScript refuses an `if` in front of an empty statement.
  else if (isRemovable(node)) yield replaced(node, ts.isIfStatement(node.parent) ? '{}' : ';');
}

function* exchanged(operator: ts.Node): Generator<Change> {
  const other = OPERATORS[operator.getText()];
  if (other !== undefined) yield replaced(operator, other);
}

/** `i++` becomes `i--`; `!x`, `-x` and `~x` become `x`. */
function* ofUnary(node: ts.PrefixUnaryExpression | ts.PostfixUnaryExpression): Generator<Change> {
  const operator = node.getText().match(/^(\+\+|--)|(\+\+|--)$/)?.[0];
  if (operator === undefined) yield replaced(node, node.operand.getText());
  else yield replaced(node, node.getText().replace(operator, OPERATORS[operator] as string));
}

function* neighbours(literal: ts.NumericLiteral | ts.BigIntLiteral): Generator<Change> {
  const [, digits, suffix = ''] = /^(0x[\da-f]+|\d+)(n?)$/i.exec(literal.getText().replaceAll('_', '')) ?? [];
  if (digits === undefined) return;
  yield replaced(literal, `${BigInt(digits) + 1n}${suffix}`);
  if (BigInt(digits) > 0n) yield replaced(literal, `${BigInt(digits) - 1n}${suffix}`);
}

/** `min` becomes `max`; of other calls each two arguments in a row are swapped, where their order matters. */
function* ofCall(call: ts.CallExpression): Generator<Change> {
  const name = call.expression.getText();
  const other = /\bmin$/.test(name) ? 'max' : /\bmax$/.test(name) ? 'min' : undefined;
  if (other !== undefined) {
    yield replaced(call.expression, name.replace(/\w+$/, other));
    return;
  }
  for (const [i, second] of call.arguments.entries()) {
    const first = call.arguments[i - 1];
    if (first === undefined || first.getText() === second.getText() || name === 'Math.imul') continue;
    const between = call.getSourceFile().text.slice(first.end, second.getStart());
    yield { start: first.getStart(), end: second.end, text: second.getText() + between + first.getText() };
  }
}

/** The conditions whose negation no exchanged operator stands for already. */
function* negated(condition: ts.Expression): Generator<Change> {
  if (ts.isPrefixUnaryExpression(condition) || condition.kind === ts.SyntaxKind.TrueKeyword) return;
  if (!ts.isBinaryExpression(condition) || !/^[!=]==?$/.test(condition.operatorToken.getText()))
    yield replaced(condition, `!(${condition.getText()})`);
}

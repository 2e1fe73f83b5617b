// Numbers and times as the reports write them, and text of the log made harmless.

/** `1 234 567` */
export function grouped(value: number): string {
  return String(value).replace(/\B(?=(\d{3})+$)/g, ' ');
}

/** `4.8 %`; what is not zero does not look like zero. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.01) return '< 0.01 %';
  return `${Number(value.toPrecision(value < 1 ? 2 : 3))} %`;
}

/** `2026-03-01 00:00:00` of what is ISO 8601. All times are UTC. */
export function moment(iso: string): string {
  return iso.slice(0, 19).replace('T', ' ');
}

export function duration(ms: number): string {
  const units = [
    ['day', 86_400_000],
    ['hour', 3_600_000],
    ['minute', 60_000],
    ['second', 1_000],
  ] as const;
  const [name, unit] = units.find(([, unit]) => ms % unit === 0) ?? ['second', 1_000];
  const count = ms / unit;
  return `${count} ${name}${count === 1 ? '' : 's'}`;
}

/** `3 peers`, `1 peer` */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Characters that steer a terminal or turn the direction of text. */
const STEERING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}]/gu;

/** Text of the log for a terminal: what steers one becomes its number, and long text ends in `…`. */
export function harmless(text: string, most = 45): string {
  const cut = text.length > most ? `${text.slice(0, most - 1).toWellFormed()}…` : text;
  return cut.replace(STEERING, (char) => `\\u{${(char.codePointAt(0) as number).toString(16)}}`);
}

/** A file as the reports call it. */
export function fileName(path: string): string {
  return path === '-' ? 'standard input' : harmless(path, 200);
}

// Times as logs write them, in milliseconds since 1970.

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** A minute may have a leap second. */
const SECONDS = Array.from({ length: 61 }, (_, i) => String(i).padStart(2, '0'));

/** `10/Oct/2000:13:55:36 -0700` */
const COMMON = /^(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d{4})$/;
/** ISO 8601, as in RFC 3339 or a little looser. */
const ISO = /^(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d):(\d\d)(?:[.,](\d+))? ?(Z|[+-]\d\d(?::?\d\d)?)?$/i;
const NUMBER = /^\d+(\.\d+)?$/;

/** What is further away is a number of another kind, not a time. It is also what the limiter's clock can span. */
const EARLIEST = Date.UTC(1995, 0);
const LATEST = Date.UTC(2060, 0);

/** The last time read in the common format, without its seconds: most lines share it with the line before. */
let minute = '';
let minuteMs = Number.NaN;

/** Milliseconds, or NaN for what is not a time. A time without a zone is UTC. */
export function timeOf(value: unknown): number {
  const ms = typeof value === 'number' ? ofNumber(value) : typeof value === 'string' ? ofText(value) : Number.NaN;
  return ms >= EARLIEST && ms < LATEST ? ms : Number.NaN;
}

/** Seconds, milliseconds, microseconds or nanoseconds: a time of this century is far apart in each of them. */
function ofNumber(value: number): number {
  if (value < 1e11) return value * 1e3;
  if (value < 1e14) return value;
  return value < 1e17 ? value / 1e3 : value / 1e6;
}

function ofText(text: string): number {
  if (text[2] === '/') return ofCommon(text);
  if (NUMBER.test(text)) return ofNumber(Number(text));
  const match = ISO.exec(text);
  if (match === null) return Number.NaN;
  const [, year, month, day, hour, min, sec, fraction = '0', zone = 'Z'] = match;
  const ms = utc(Number(year), Number(month), Number(day), Number(hour), Number(min), Number(sec));
  return ms + Number(`0.${fraction}`) * 1e3 - offsetOf(zone);
}

function ofCommon(text: string): number {
  const own = text.slice(0, 17) + text.slice(20);
  const seconds = SECONDS.indexOf(text.slice(18, 20));
  if (own === minute && seconds >= 0) return minuteMs + seconds * 1e3;
  const match = COMMON.exec(text);
  if (match === null) return Number.NaN;
  const [, day, month = '', year, hour, min, , zone = ''] = match;
  const at = utc(Number(year), MONTHS.indexOf(month) + 1, Number(day), Number(hour), Number(min), 0) - offsetOf(zone);
  [minute, minuteMs] = [own, at];
  return seconds >= 0 ? at + seconds * 1e3 : Number.NaN;
}

/** NaN for a date or a time of day that does not exist. */
function utc(year: number, month: number, day: number, hour: number, min: number, sec: number): number {
  const ms = Date.UTC(year, month - 1, day, hour, min, sec);
  const exists = month >= 1 && month <= 12 && hour < 24 && min < 60 && sec <= 60;
  return exists && new Date(Date.UTC(year, month - 1, day)).getUTCDate() === day ? ms : Number.NaN;
}

function offsetOf(zone: string): number {
  if (zone === 'Z' || zone === 'z') return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3).replace(':', '') || 0);
  return (zone[0] === '-' ? -minutes : minutes) * 60_000;
}

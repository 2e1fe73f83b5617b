// When the client of a call stops waiting, by the header field of its protocol.

/** The units of `grpc-timeout`, in milliseconds. */
const units: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1_000, m: 1, u: 1e-3, n: 1e-6 };

/** In the time of `Date.now()`. `Infinity` where the client does not say, or not in the form of its protocol. */
export function deadlineOf(headers: { readonly [name: string]: string | readonly string[] | undefined }): number {
  const { 'connect-timeout-ms': connect, 'grpc-timeout': grpc } = headers;
  if (typeof connect === 'string' && /^\d{1,10}$/.test(connect)) return Date.now() + Number(connect);
  const [, value, unit = ''] = (typeof grpc === 'string' && /^(\d{1,8})([HMSmun])$/.exec(grpc)) || [];
  return value === undefined ? Number.POSITIVE_INFINITY : Date.now() + Number(value) * (units[unit] as number);
}
